"""The part that Flower's own SuperLink runs; a node never imports it. Notes when each round begins and ends."""

from flwr.app import Array, ArrayRecord, Context
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg

from constant_app import record
from constant_app.models import initial_model

app = ServerApp()


class NotedFedAvg(FedAvg):
    """FedAvg that notes the moments between which a round lies."""

    def configure_train(self, server_round, *arguments):
        """Noted before any node is chosen."""
        record.event("round started", round=server_round)
        return super().configure_train(server_round, *arguments)

    def aggregate_train(self, server_round, replies):
        """Noted when the new model exists."""
        record.event("replies in", round=server_round)
        aggregate = super().aggregate_train(server_round, replies)
        record.event("round completed", round=server_round)
        return aggregate


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Training rounds only."""
    nodes = int(context.run_config["min-nodes"])
    model = initial_model(str(context.run_config["model"]))
    strategy = NotedFedAvg(
        min_train_nodes=nodes, fraction_evaluate=0.0, min_evaluate_nodes=0, min_available_nodes=nodes
    )
    result = strategy.start(
        grid=grid,
        initial_arrays=ArrayRecord({key: Array(value) for key, value in model.items()}),
        num_rounds=int(context.run_config["num-server-rounds"]),
    )
    record.arrays("final", **{key: array.numpy() for key, array in result.arrays.items()})
    record.event("finished")

"""The part that Flower's own SuperLink runs; a node never imports it."""

from flwr.app import Array, ArrayRecord, Context
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg

from numpy_app import record, task

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Plain FedAvg over all nodes; writes the last model down."""
    nodes = int(context.run_config["min-nodes"])
    strategy = FedAvg(min_train_nodes=nodes, min_evaluate_nodes=nodes, min_available_nodes=nodes)
    result = strategy.start(
        grid=grid,
        initial_arrays=ArrayRecord({key: Array(value) for key, value in task.initial_model().items()}),
        num_rounds=int(context.run_config["num-server-rounds"]),
    )
    record.arrays("final", **{key: array.numpy() for key, array in result.arrays.items()})
    record.event("finished")

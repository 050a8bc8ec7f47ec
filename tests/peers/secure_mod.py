"""What `thunderline.secure_mod` says to messages that come again, out of order or not as agreed: `secure_mod.py FOLDER`.

Three clients and the smallest server that can lead them through a session, without any process of Flower's.
"""

import hashlib
import inspect
import json
import stat
import sys
from pathlib import Path

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Error, Message, MetricRecord, RecordDict
from flwr.supercore.task_identity import TaskIdentity
from thunderline.secagg import Identity, Session, keys, messages
from thunderline.secagg.keys import number
from thunderline.secagg.session import Roster, statement
from thunderline.secure_mod import KEY, secure_mod

TaskIdentity.run_id = TaskIdentity.node_id = TaskIdentity.task_id = 1
TERMS = {
    "round": "0198f000-0000-7000-8000-000000000001",
    "clip": 1.0,
    "max_weight": 10,
    "min_members": 3,
    "max_members": 3,
    "corrupt": 200,
    "dropouts": 300,
}
MODEL = {"a": np.zeros((2, 2), np.float32), "b": np.ones(3, np.float32)}
EXCHANGES = ("advertise", "share", "mask", "consent", "reveal")


class Node:
    """A node whose app has the mod."""

    def __init__(self, config):
        more = {"series_id": 1} if "series_id" in inspect.signature(Context).parameters else {}
        state = RecordDict()
        self.context = Context(run_id=1, node_id=5, node_config=config, state=state, run_config={}, **more)
        self.trained = 0

    def app(self, message, _context):
        assert KEY not in message.content, "the app sees nothing of the exchange"
        self.trained += 1
        arrays = {name: array.numpy() for name, array in message.content["arrays"].items()}
        moved = ArrayRecord({name: Array(array + np.float32(0.25)) for name, array in arrays.items()})
        return Message(RecordDict({"arrays": moved, "m": MetricRecord({"num-examples": 99})}), reply_to=message)

    def message(self, content, kind="train"):
        message = Message(content, dst_node_id=5, message_type=kind)
        message.metadata.__dict__["_message_id"] = "a" * 64
        return message

    def answer(self, exchange, told=None, terms=None, dimension=7, app=None, dtype=np.float32):
        record = {"exchange": exchange, "terms": json.dumps(terms or TERMS), "dimension": dimension}
        if told is not None:
            record["told"] = told
        content = {KEY: ConfigRecord(record)}
        if exchange == "mask":
            content["arrays"] = ArrayRecord({name: Array(array.astype(dtype)) for name, array in MODEL.items()})
        message = self.message(RecordDict(content))
        # A record is kept as its bytes and no object of this process: as between two processes of a SuperNode.
        kept = self.context.state.config_records.get(KEY)
        if kept is not None:
            self.context.state[KEY] = ConfigRecord.inflate(kept.deflate())
        return secure_mod(message, self.context, app or self.app)

    def ask(self, exchange, *arguments, **more):
        answer = self.answer(exchange, *arguments, **more)
        assert all(name.startswith(KEY) for name in answer.content), "nothing but what is said leaves the node"
        first = answer.content[KEY]
        assert first["exchange"] == exchange
        return first.get("said"), first.get("refused")

    def says(self, *arguments, **more):
        said, refused = self.ask(*arguments, **more)
        assert refused is None, refused
        return said

    def refuses(self, reason, *arguments, **more):
        said, refused = self.ask(*arguments, **more)
        assert said is None and reason in refused, refused
        kept = self.context.state.config_records.get(KEY, {})
        assert not {"seed", "held", "said"} & set(kept), "a client that goes no further keeps no secrets"


def led(config, until, **more):
    """Three nodes that have gone through the exchanges before `until`, and what each is told in it."""
    nodes = [Node(dict(own)) for own in config]
    told = [None] * 3
    for exchange in EXCHANGES:
        if exchange == until:
            return nodes, told
        said = [node.says(exchange, answer, **more) for node, answer in zip(nodes, told)]
        if exchange == "advertise":
            order = sorted(range(3), key=lambda node: said[node][38:70])
            nodes, said = [nodes[node] for node in order], [said[node] for node in order]
            roster = messages.head(messages.ROSTER) + said[0][6:38] + number(3)
            told = [roster + b"".join(one[38:] for one in said)] * 3
            digest = None
        elif exchange == "share":
            digest = said[0][6:38]
            told = [messages.head(messages.DELIVERY) + digest + b"".join(map(number, (3, 0, 1, 2)))] * 3
            for to in range(3):
                # The first entry of 82 bytes begins at 42; a sender leaves itself out of its list.
                places = {one: 44 + 82 * (to - (to > one)) for one in range(3) if one != to}
                sealed = [(one, said[one][place : place + 80]) for one, place in places.items()]
                told[to] += messages.entries(sealed)
        elif exchange == "mask":
            survivors = [(one, hashlib.sha256(said[one][140:]).digest() + said[one][72:136]) for one in range(3)]
            told = [messages.head(messages.SURVIVORS) + digest + messages.entries(survivors)] * 3
        elif exchange == "consent":
            signatures = [(one, said[one][40:]) for one in range(3)]
            told = [messages.head(messages.CONSENTS) + digest + messages.entries(signatures)] * 3
    raise AssertionError(until)


def what_comes_again(config):
    """A lost message has the answer that it had; an update is masked once."""
    for exchange in ("advertise", "share", "consent", "reveal"):
        (node, *_), (told, *_) = led(config, exchange)
        assert node.says(exchange, told) == node.says(exchange, told), exchange
    (node, *_), (told, *_) = led(config, "mask")
    node.says("mask", told)
    node.refuses("is not masked twice", "mask", told)
    assert node.trained == 1
    node.refuses("this client is in this session already", "advertise")


def what_does_not_follow(config):
    """A client does not go back, and begins nothing in the middle."""
    (node, *_), (told, *_) = led(config, "consent")
    node.refuses("'mask' does not follow", "mask", told)
    node.refuses("'consent' does not follow", "consent", told)
    (node, *_), (told, *_) = led(config, "share")
    other = {**TERMS, "round": "0198f000-0000-7000-8000-000000000002"}
    node.refuses("no secrets of this session", "share", told, terms=other)
    Node({}).refuses("was started anew", "consent", told)
    Node({}).refuses("there is no exchange 'tell'", "tell", told)
    (node, *_), (told, *_) = led(config, "share")
    node.refuses("roster", "share", told[:-1])
    node.refuses("'share' does not follow", "share", told)


def what_is_not_as_agreed(config):
    """Terms that are not known here, models that cannot be masked, apps that fail."""
    node = Node({})
    node.refuses("'speed' is not known here", "advertise", terms={**TERMS, "speed": 1})
    node.refuses("not as agreed", "advertise", terms={"round": 1})
    node.refuses("a number was expected", "advertise", terms={**TERMS, "corrupt": "200"})
    node.refuses("a number was expected", "advertise", terms={**TERMS, "clip": "1.0"})
    node.refuses("min_members must be at least 3", "advertise", terms={**TERMS, "min_members": 2})
    node.refuses("max_weight must be 1", "advertise", terms={**TERMS, "norm": 0.5})
    for norm in (0, -0.5, float("inf"), float("nan")):
        node.refuses("norm must be", "advertise", terms={**TERMS, "max_weight": 1, "norm": norm})
    for bad, reason in ((np.float64, "'a' is float64"), (np.int32, "'a' is int32")):
        (node, *_), (told, *_) = led(config, "mask")
        node.refuses(reason, "mask", told, dtype=bad)
    (node, *_), (told, *_) = led(config, "mask")
    less = lambda message, _: Message(RecordDict({"m": MetricRecord({"num-examples": 1})}), reply_to=message)  # noqa: E731
    node.refuses("one ArrayRecord is masked, and there are 0", "mask", told, app=less)
    examples, none = {"num-examples": 1}, {"num-examples": 0}
    for arrays, metrics, reason in (
        (MODEL, [none], "a weight of 0 is outside the terms"),
        (MODEL, [], "no metric 'num-examples'"),
        (MODEL, [examples, examples], "no metric 'num-examples'"),
        ({"a": MODEL["a"]}, [examples], "no array 'b'"),
        ({**MODEL, "b": np.ones(2, np.float32)}, [examples], "no array 'b'"),
        ({**MODEL, "b": np.array([1, np.nan, 1], np.float32)}, [examples], "the number at 5 is not finite"),
    ):
        (node, *_), (told, *_) = led(config, "mask")
        content = {f"m{number}": MetricRecord(record) for number, record in enumerate(metrics)}
        content["arrays"] = ArrayRecord({name: Array(array) for name, array in arrays.items()})
        trained = lambda message, _, content=content: Message(RecordDict(content), reply_to=message)  # noqa: E731
        node.refuses(reason, "mask", told, app=trained)
    (node, *_), (told, *_) = led(config, "mask")
    try:
        node.ask("mask", told, app=lambda *_: 1 / 0)
    except ZeroDivisionError:
        pass
    else:
        raise AssertionError("the app's own failure is Flower's to report")
    # So is the failure that another mod has made a reply of.
    (node, *_), (told, *_) = led(config, "mask")
    failed = node.answer("mask", told, app=lambda message, _: Message(Error(code=1, reason="no data"), reply_to=message))
    assert failed.has_error() and failed.error.reason == "no data"
    # The model has seven numbers, as the session of the others may not.
    (node, *_), (told, *_) = led(config, "mask", dimension=8)
    node.refuses("a vector of 7 numbers, and the session's have 8", "mask", told, dimension=8)
    for dimension in (0, -1, (1 << 30) + 1):
        Node({}).refuses("dimension must be between", "advertise", dimension=dimension)


def rosters_that_are_none(config):
    """A key of low order, however well it is signed; and more members than agreed."""
    identity, good = Identity(b"\x09" * 32), [keys.public(bytes([byte]) * 32) for byte in (10, 11)]

    def roster(told, changed, kept):
        """What the server tells, with one more member beside those whom it keeps."""
        unsigned = [identity.public, *good, bytes(32)]
        unsigned.__setitem__(*changed)
        forged = b"".join(unsigned) + identity.sign(statement(told[6:38], *unsigned))
        members = [told[40 + 192 * place : 232 + 192 * place] for place in range(kept)]
        return told[:38] + number(kept + 1) + b"".join(sorted([*members, forged]))

    for changed, kept, reason in (
        ((1, bytes(32)), 2, "of low order"),
        ((2, bytes(32)), 2, "of low order"),
        ((1, good[0]), 3, "4 members, and the terms allow 3"),
    ):
        (node, *_), (told, *_) = led(config, "share")
        node.refuses(reason, "share", roster(told, changed, kept))
    # The same with good keys, and no more than agreed, is a roster like any other.
    assert Roster(Session.agreed(json.dumps(TERMS), 7), roster(told, (1, good[0]), 2)).members


def what_a_site_decides(folder):
    """Who it is, how many it hides among, and who they may be."""
    config = [{"secure-state": str(folder / f"site-{site}"), "secure-members": 3} for site in range(3)]
    led(config, "reveal")
    keys = [folder / f"site-{site}" / "secure.pub" for site in range(3)]
    public = [path.read_text() for path in keys]
    assert len(set(public)) == 3
    assert stat.S_IMODE((folder / "site-0" / "secure.key").stat().st_mode) == 0o600
    peers = folder / "peers"
    peers.write_text("# Berlin\n" + "".join(public))
    nodes, told = led([{**own, "secure-peers": str(peers)} for own in config], "reveal")
    assert [path.read_text() for path in keys] == public, "an identity lasts"
    nodes[0].says("reveal", told[0])
    peers.write_text(public[0] + public[1])
    (node, *_), (told, *_) = led([{**own, "secure-peers": str(peers)} for own in config], "share")
    node.refuses("was not told to trust", "share", told)
    for bad in (public[0][:-2], public[0].replace(public[0][0], "x"), "Berlin"):
        peers.write_text(f"{public[1]}{bad}\n")
        node = Node({**config[0], "secure-peers": str(peers)})
        _, (told, *_) = led(config, "share")
        node.says("advertise")
        node.refuses("line 2 of", "share", told)
    for length in (0, 31, 33):
        (folder / "site-0" / "secure.key").write_bytes(bytes(length))
        Node(config[0]).refuses("is no key: a file of 32 bytes", "advertise")
    (node, *_), (told, *_) = led([{"secure-members": 4}] * 3, "share")
    node.refuses("3 members, and it takes 4", "share", told)
    (node, *_), (told, *_) = led([{"secure-corrupt": 201}] * 3, "share")
    node.refuses("this client assumes 201", "share", told)
    open_model = RecordDict({"arrays": ArrayRecord({name: Array(array) for name, array in MODEL.items()})})
    alone, open_node = Node({"secure-members": 3}), Node({})
    assert secure_mod(open_node.message(open_model), open_node.context, open_node.app).content.array_records
    assert secure_mod(alone.message(open_model, "evaluate"), alone.context, alone.app).content.array_records
    try:
        secure_mod(alone.message(open_model), alone.context, alone.app)
    except ValueError as error:
        assert "secure aggregation only" in str(error)
    else:
        raise AssertionError("a site that hides does not train in the open")


def main():
    """Returns the exit code."""
    folder = Path(sys.argv[1])
    what_comes_again([{}] * 3)
    what_does_not_follow([{}] * 3)
    what_is_not_as_agreed([{}] * 3)
    rosters_that_are_none([{}] * 3)
    what_a_site_decides(folder)
    print("all as it should be")
    return 0


if __name__ == "__main__":
    sys.exit(main())

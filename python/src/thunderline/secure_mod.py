"""Secure aggregation for Flower's client apps: the server learns the sum of all clients' updates, and no single one.

    from flwr.clientapp import ClientApp
    from thunderline.secure_mod import secure_mod

    app = ClientApp(mods=[secure_mod])

It must be the first mod, so that what others add to an update is masked as well. Nothing changes for messages of
federations without `secure_agg`. With it, a round is five messages instead of one; the app sees one of them, the one with
the model, and its reply (one ArrayRecord of float32 arrays, one MetricRecord with `num-examples`) does not leave the node:
what training changed is masked and sent in its place, and no metrics.

What a site decides, by `--node-config`:

- `secure-state="/path"`: a folder for the site's lasting key, `secure.key`, with its public half for others in
  `secure.pub`. Without it the key is new in each federation, and whenever the SuperNode is started.
- `secure-members=5`: the fewest clients among whom this site hides. With it, training without masks is refused.
- `secure-corrupt=200`: how many clients in a thousand must be assumed to work with the server.
- `secure-peers="/path"`: a file with the line of each site's `secure.pub`: who may take part. Without it the server's word
  is taken for who is a client.

Between the messages of a round the client's secrets are in `context.state`, which the SuperNode keeps in memory.
"""

import hashlib
import logging
import os
from pathlib import Path

import numpy as np
from flwr.app import ConfigRecord, Context, Message, RecordDict

from .secagg import Advertised, Floor, Identity, Refusal, Session, restore

KEY = "thunderline.secure_agg"

# Flower cuts arrays, but not other records; the server takes no object that is larger than 16 MiB.
_PIECE = 4 << 20

_log = logging.getLogger("flwr")


def secure_mod(message: Message, context: Context, call_next) -> Message:
    """The mod."""
    asked = message.content.config_records.get(KEY)
    if asked is None:
        if message.metadata.message_type.startswith("train") and _floor(context).members > 0:
            raise ValueError("this site trains with secure aggregation only, and the federation has none")
        return call_next(message, context)
    try:
        said = _Exchange(asked, context).answer(message, call_next)
    except Refusal as refusal:
        _log.warning("secure aggregation: %s", refusal)
        _forget(context)
        record = ConfigRecord({"exchange": asked["exchange"], "refused": f"secure aggregation: {refusal}"})
        return Message(RecordDict({KEY: record}), reply_to=message)
    if isinstance(said, Message):
        return said
    pieces = [said[start : start + _PIECE] for start in range(0, len(said), _PIECE)]
    records = {KEY: ConfigRecord({"exchange": asked["exchange"], "said": pieces[0]})}
    records |= {f"{KEY}.{n}": ConfigRecord({"said": piece}) for n, piece in enumerate(pieces[1:], 1)}
    return Message(RecordDict(records), reply_to=message)


class _Exchange:
    """One message of the server's, and what the client has kept since the one before."""

    def __init__(self, asked, context):
        self.exchange, self.told = asked["exchange"], asked.get("told", b"")
        self.session = Session.agreed(asked["terms"], asked["dimension"])
        self.context, self.kept = context, dict(context.state.config_records.get(KEY, {}))
        # What was asked before, in the very same words, was answered before: the answer did not get through.
        self.question = hashlib.sha256(self.session.id + self.exchange.encode() + self.told).digest()

    def answer(self, message, call_next):
        """What to say; or a message where the app has failed."""
        if self.kept.get("question") == self.question:
            if "said" not in self.kept:
                raise Refusal("the update was masked before, and is not masked twice")
            return self.kept["said"]
        if self.exchange == "advertise":
            return self._advertise()
        stage = self._stage()
        if self.exchange == "share":
            return self._keep(*stage.share(self.told, _floor(self.context)))
        if self.exchange == "mask":
            return self._mask(stage, message, call_next)
        if self.exchange == "consent":
            return self._keep(*stage.consent(self.told))
        said = stage.reveal(self.told)
        self._remember({"stage": "revealed"}, said)
        return said

    def _advertise(self):
        if self.kept.get("session") == self.session.id:
            raise Refusal("this client is in this session already")
        identity = _identity_seed(self.context)
        self.kept = {"identity": identity}
        stage = Advertised(self.session, Identity(identity), os.urandom(32))
        return self._keep(stage, stage.advertisement())

    def _stage(self):
        wanted = {"share": "advertised", "mask": "shared", "consent": "masked", "reveal": "consented"}
        if self.exchange not in wanted:
            raise Refusal(f"there is no exchange '{self.exchange}'")
        if self.kept.get("session") != self.session.id:
            raise Refusal("this client has no secrets of this session: it was started anew")
        if self.kept["stage"] != wanted[self.exchange]:
            raise Refusal(f"'{self.exchange}' does not follow: the client has {self.kept['stage']}")
        return restore(self.session, Identity(self.kept["identity"]), self.kept)

    def _mask(self, stage, message, call_next):
        del message.content[KEY]
        before = _arrays(message.content)
        reply = call_next(message, self.context)
        if reply.has_error():
            return reply
        values, weight = _change(before, reply.content), _weight(reply.content, self.session.terms)
        stage, said, clipped = stage.mask(self.told, values, weight, os.urandom(32))
        if clipped:
            _log.warning("the update was clipped: %d of %d numbers", clipped, len(values))
        # Not kept to be said again: it is as large as the model, and comes with each message to this process.
        self._remember(stage.save(), None)
        return said

    def _keep(self, stage, said):
        self._remember(stage.save(), said)
        return said

    def _remember(self, stage, said):
        kept = {"session": self.session.id, "identity": self.kept["identity"], "question": self.question, **stage}
        if said is not None:
            kept["said"] = said
        self.context.state[KEY] = ConfigRecord(kept)


def _forget(context):
    """Drops the secrets of a session that this client goes no further in; its identity, and which it was, stay."""
    kept = context.state.config_records.get(KEY)
    if kept is not None:
        left = {key: kept[key] for key in ("session", "identity") if key in kept}
        context.state[KEY] = ConfigRecord({**left, "stage": "refused"})


def _arrays(content):
    """The one record of arrays, all of them float32, in order."""
    records = list(content.array_records.values())
    if len(records) != 1:
        raise Refusal(f"one ArrayRecord is masked, and there are {len(records)}")
    arrays = {name: array.numpy() for name, array in records[0].items()}
    for name, array in arrays.items():
        if array.dtype != np.float32:
            raise Refusal(f"secure aggregation takes f32 arrays; '{name}' is {array.dtype}")
    return arrays


def _change(before, content):
    """What training changed, number by number, in the order of the model that came."""
    after = _arrays(content)
    for name, array in before.items():
        if name not in after or after[name].shape != array.shape:
            raise Refusal(f"the trained model has no array '{name}' as the task's has")
    return np.concatenate([(after[name] - array).ravel() for name, array in before.items()])


def _weight(content, terms):
    metrics = [record for record in content.metric_records.values() if "num-examples" in record]
    if len(metrics) != 1:
        raise Refusal("the reply has no metric 'num-examples'")
    return min(int(metrics[0]["num-examples"]), terms.max_weight)


def _identity_seed(context):
    """The secret half of the site's identity: of its folder, or of this federation."""
    folder = context.node_config.get("secure-state")
    if not folder:
        kept = context.state.config_records.get(KEY, {})
        return kept.get("identity") or os.urandom(32)
    folder = Path(str(folder))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "secure.key"
    if not path.exists():
        # Whole or not at all, and never over another's.
        draft = folder / f"secure.key.{os.getpid()}"
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(os.urandom(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        draft.unlink()
    seed = path.read_bytes()
    if len(seed) != 32:
        raise Refusal(f"{path} is no key: a file of 32 bytes was expected, or none")
    (folder / "secure.pub").write_text(Identity(seed).public.hex() + "\n")
    return seed


def _floor(context):
    """What the site asks."""
    config = context.node_config
    peers = config.get("secure-peers")
    trusted = None if not peers else frozenset(_peers(Path(str(peers))))
    return Floor(int(config.get("secure-members", 0)), int(config.get("secure-corrupt", 0)), trusted)


def _peers(path):
    """The identities in a file, one a line; what follows a `#` does not count."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        line = line.split("#")[0].strip()
        if line:
            if len(line) != 64 or not all(digit in "0123456789abcdefABCDEF" for digit in line):
                raise Refusal(f"line {number} of {path} is no identity: 64 hex digits, as in a site's secure.pub")
            yield bytes.fromhex(line)

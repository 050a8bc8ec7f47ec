"""What Flower client apps need to take part in Thunderline's federations as its own runners do. Needs ``flwr``."""

from __future__ import annotations

import logging

from flwr.app import Array, ArrayRecord, Context, Message

from thunderline.encoding import KEY, EncodingError, Terms, encode_update

_REST = "thunderline.rest"
_LOG = logging.getLogger(__name__)


def encoding_mod(message: Message, context: Context, call_next) -> Message:
    """Sends the update in fewer bytes, where the federation's ``update`` asks for it::

        app = ClientApp(mods=[encoding_mod])

    Put it first, so that what other mods do with the update is done before. What top-k leaves out is kept in the
    context's state. An app without this mod sends its arrays as they are, which Thunderline always takes.
    """
    terms = _terms(message)
    received = _arrays(message.content.array_records.get("arrays")) if terms else {}
    reply = call_next(message, context)
    if terms is None or reply.has_error() or not reply.content.array_records:
        return reply
    name, record = next(iter(reply.content.array_records.items()))
    rest = _arrays(context.state.array_records.get(_REST))
    sent, rest = encode_update(terms, received, _arrays(record), rest)
    reply.content[name] = ArrayRecord({key: Array(array) for key, array in sent.items()})
    if rest:
        context.state[_REST] = ArrayRecord({key: Array(array) for key, array in rest.items()})
    elif _REST in context.state:
        del context.state[_REST]
    return reply


def _terms(message: Message) -> Terms | None:
    if not message.metadata.message_type.startswith("train"):
        return None
    said = (config.get(KEY) for config in message.content.config_records.values())
    text = next((text for text in said if isinstance(text, str)), None)
    if text is None:
        return None
    try:
        return Terms.read(text)
    except EncodingError as error:
        _LOG.warning("the update is sent as it is: %s", error)
        return None


def _arrays(record: ArrayRecord | None) -> dict:
    return {} if record is None else {name: array.numpy() for name, array in record.items()}

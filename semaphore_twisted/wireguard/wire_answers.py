"""The client's side of the companion's protocol (:mod:`.wire`)."""

import msgspec

from semaphore_twisted.wireguard.wire import Answer, MalformedFrame

#: The first version in which peers have ``expires``.
WITH_EXPIRY = 2

_answers: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)


def decode_answer(content: bytes) -> Answer:
    """Return the answer in *content*.

    :raises MalformedFrame: if it is invalid; the error does not quote it.
    """
    try:
        return _answers.decode(content)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedFrame("not an answer of this protocol") from error

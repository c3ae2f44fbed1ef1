"""What a person is told when the gateway ends a run: whose fault, in whose words, and what to do."""

import pytest

from tasks.engine.shared.stopping import StopSignal, stopped_by_gateway
from tasks.protocols.errors import classify_reply
from tasks.protocols.wire import Call, Reply

CALL = Call(operation="generate", format="images_json", wire_model="m", prompt="p")


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (Reply(status=401, headers={}, body=b'{"error":{"message":"bad key","code":"invalid_api_key"}}'),
         "the gateway rejected the API key (401: bad key): check the key and what it may do, then run this again"),
        (Reply(status=403, headers={}, body=b'{"error":{"message":"no money","code":"insufficient_user_quota"}}'),
         "the balance at the gateway is exhausted (403: no money): top it up, then run this again"),
        (Reply(status=429, headers={"retry-after": "54749"}, body=b"error code: 1015"),
         ("the gateway wants to be left alone for longer than a run waits "
         "(429: error code: 1015, asks for a pause of 15.2 h): run this again then")),
    ],
)  # fmt: skip
def test_the_message_says_what_happened_and_what_to_do(reply: Reply, told: str) -> None:
    assert stopped_by_gateway(classify_reply(reply, CALL)) == told


def test_the_first_reason_stays() -> None:
    stop = StopSignal()
    stop.stop("provider_stopped", "the key", "auth")
    stop.stop("interrupted", "by hand")
    assert (stop.reason, stop.message, stop.cause) == ("provider_stopped", "the key", "auth")

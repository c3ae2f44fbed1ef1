"""How S3 is reached: credentials, region and endpoint from the standard ``AWS_*`` variables and files.

This is the only module that knows boto3, and it is loaded only where the two plain key variables are not enough.
"""

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tasks.storage.store import Denied

if TYPE_CHECKING:
    from collections.abc import Callable

    import obstore.store

CONNECT_TIMEOUT_S = 5.0
LONGEST_REQUEST_S = 900.0  # a bound of last resort: every call has its own, by size, in s3.py
POOL_IDLE_S = 15.0  # below the time after which servers drop idle connections under our feet


def open_bucket(bucket: str, prefix: str, *, silence_s: float | None) -> "obstore.store.S3Store":
    """A client for the objects below ``s3://bucket/prefix`` that never retries by itself.

    ``silence_s`` ends a reply that stops arriving; None for a client that writes, since a long upload is silent too.
    Raises ``Denied`` if there are no credentials. Nothing is sent yet.
    """
    import obstore.store

    return obstore.store.S3Store(
        bucket,
        prefix=prefix or None,
        region=region(),
        # a retried conditional put answers 412 to its own success
        retry_config={"max_retries": 0},
        client_options={
            "allow_http": (endpoint() or "").startswith("http://"),
            "connect_timeout": timedelta(seconds=CONNECT_TIMEOUT_S),
            "timeout": timedelta(seconds=LONGEST_REQUEST_S),
            "pool_idle_timeout": timedelta(seconds=POOL_IDLE_S),
            "user_agent": "printroom",
            **({"read_timeout": timedelta(seconds=silence_s)} if silence_s else {}),
        },
        **_address(),
        **_credentials(),
    )


def presigner(uri: str, seconds: int) -> "Callable[[str], str]":
    """Makes links that let their holders read one object below ``s3://bucket/prefix`` for that long: secrets.

    Blocking, and for many links: opening the client costs far more than signing.
    """
    import boto3
    from botocore.config import Config

    client: Any = boto3.session.Session().client(
        "s3",
        region_name=region(),
        endpoint_url=endpoint(),
        config=Config(signature_version="s3v4", s3={"addressing_style": "path" if endpoint() else "auto"}),
    )

    bucket, _, prefix = uri.removeprefix("s3://").partition("/")

    def link(key: str) -> str:
        place = {"Bucket": bucket, "Key": f"{prefix}/{key}".lstrip("/")}
        made: str = client.generate_presigned_url("get_object", Params=place, ExpiresIn=seconds)
        return made

    return link


def endpoint() -> str | None:
    """The address of an S3 that is not Amazon's, or None."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None


def region() -> str:
    """The region to sign for; ``us-east-1`` where nobody says."""
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if region or _plain_keys():
        return region or "us-east-1"
    import boto3

    return boto3.session.Session().region_name or "us-east-1"


def _address() -> dict[str, Any]:
    return {"endpoint": endpoint(), "virtual_hosted_style_request": False} if endpoint() else {}


def _plain_keys() -> bool:
    chosen = "AWS_PROFILE" in os.environ
    return not chosen and bool(os.environ.get("AWS_ACCESS_KEY_ID") and os.environ.get("AWS_SECRET_ACCESS_KEY"))


def _credentials() -> dict[str, Any]:
    if _plain_keys():
        token = os.environ.get("AWS_SESSION_TOKEN")
        keys = {
            "access_key_id": os.environ["AWS_ACCESS_KEY_ID"],
            "secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"],
        }
        return keys | ({"session_token": token} if token else {})
    import boto3
    from obstore.auth.boto3 import Boto3CredentialProvider

    session = boto3.session.Session()
    if session.get_credentials() is None:
        raise Denied("no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE")
    # asked again every five minutes: boto3 itself knows when they must be renewed
    return {"credential_provider": Boto3CredentialProvider(session, ttl=timedelta(minutes=5))}

from pathlib import Path

import pytest

from catalogs.providers import PROVIDERS, UnknownProvider, find_provider, with_base_url
from deployments.cli.main import main
from tests.support.runs import write_catalog


@pytest.mark.parametrize(
    ("name", "base_url", "key_variable"),
    [
        ("apiyi", "https://api.apiyi.com/v1", "APIYI_API_KEY"),
        ("OpenAI", "https://api.openai.com/v1", "OPENAI_API_KEY"),
        (" sandbox ", None, "PRINTROOM_API_KEY"),
    ],
)
def test_a_provider_is_found_by_name_in_any_case(name: str, base_url: str | None, key_variable: str):
    provider = find_provider(name)
    assert provider.base_url == base_url
    assert provider.key_variable == key_variable
    assert provider.family == provider.name


def test_an_unknown_provider_is_refused_with_the_nearest_and_all_known():
    with pytest.raises(UnknownProvider, match="apiyi, openai, sandbox; did you mean 'apiyi'") as caught:
        find_provider("apiyii")
    assert caught.value.nearest == "apiyi"
    with pytest.raises(UnknownProvider) as caught:
        find_provider("zzz")
    assert caught.value.nearest is None


@pytest.mark.parametrize(
    ("url", "base_url"),
    [
        ("https://gateway.example", "https://gateway.example/v1"),
        ("https://gateway.example/", "https://gateway.example/v1"),
        ("https://gateway.example/v1", "https://gateway.example/v1"),
        ("https://gateway.example/v1/", "https://gateway.example/v1"),
        (" http://127.0.0.1:8000/v1// ", "http://127.0.0.1:8000/v1"),
        ("http://[::1]:8000", "http://[::1]:8000/v1"),
        ("https://host.example/openai/v1", "https://host.example/openai/v1"),
        ("https://host.example/openai", "https://host.example/openai/v1"),
        ("https://host.example/v1/proxy", "https://host.example/v1/proxy/v1"),
        ("HTTPS://host.example", "https://host.example/v1"),
    ],
)
def test_an_own_address_may_come_with_or_without_the_final_v1(url: str, base_url: str):
    provider = with_base_url(PROVIDERS["apiyi"], url)
    assert provider.base_url == base_url
    assert (provider.name, provider.family) == ("apiyi", "apiyi")


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "gateway.example",
            "ftp://gateway.example",
            "file:///etc/passwd",
            "https://",
            "https:///v1",
            "javascript:1",
        ),
        *("https://user:secret@host.example", "https://secret@host.example", "https://host.example/v1?key=secret"),
        *("https://host.example/#secret", "https://host.example:99999", "https://host.example:port"),
    ],
)
def test_an_address_that_is_none_or_carries_a_secret_is_refused_without_repeating_it(url: str):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - urllib words the port error
        with_base_url(PROVIDERS["apiyi"], url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("name", "limit"), [("apiyi", 1_333), ("openai", 4_000)])
def test_a_prompts_limit_is_counted_in_the_unit_of_the_provider(
    name: str, limit: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    for length, code in ((limit, 0), (limit + 1, 2)):
        catalog = write_catalog(tmp_path / "c.csv", [{"prompt": "\u732b" * length, "model": "dall-e-3"}])
        assert main(["plan", str(catalog), "--dataset", str(tmp_path / "ds"), "--provider", name]) == code
    assert f"at most 4,000 {'characters' if name == 'openai' else 'bytes'}" in capsys.readouterr().err

import pytest

from gigbook.application.settings import Settings, SettingsError, described, read


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = read({})

    assert (settings.database_url, settings.host, settings.port) == ("./customers.db", "127.0.0.1", 8080)
    assert (settings.log_level, settings.max_connections) == ("info", 100)


def test_settings_are_read_from_variables_of_the_same_name() -> None:
    settings = read({"PORT": " 9000 ", "LOG_LEVEL": "DEBUG", "DATABASE_URL": ":memory:", "ENTITY_IDLE_SECONDS": "0.5"})

    assert settings == Settings(port=9000, log_level="debug", database_url=":memory:", entity_idle_seconds=0.5)


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    assert read({"PORT": "", "HOST": " "}) == Settings()


def test_other_variables_do_not_matter() -> None:
    assert read({"PATH": "/bin", "PORTS": "many"}) == Settings()


def test_every_mistake_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        read({"PORT": "99999", "LOG_LEVEL": "loud", "MAX_CONNECTIONS": "many", "SHUTDOWN_TIMEOUT": "-1"})

    assert caught.value.reasons == {
        "PORT": "must be an integer <= 65535, got '99999'",
        "LOG_LEVEL": "must be one of debug, info, warning, error, got 'loud'",
        "MAX_CONNECTIONS": "must be an integer, got 'many'",
        "SHUTDOWN_TIMEOUT": "must be a number > 0.0, got '-1'",
    }
    assert all(name in str(caught.value) for name in caught.value.reasons)


@pytest.mark.parametrize("name", [name for name, default, _ in described() if default.endswith(".0")])
def test_seconds_have_an_end(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read({name: "inf"})


def test_every_setting_is_described_with_its_default() -> None:
    lines = {name: (default, purpose) for name, default, purpose in described()}

    assert lines.keys() == {name.upper() for name in Settings.__struct_fields__}
    assert lines["PORT"][0] == "8080"
    assert all(purpose for _, purpose in lines.values())

"""The engine in service: replaced, freed, switched, with real workers."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from dlm_lsp.engine.client import EngineState
from dlm_lsp.engine.service import Service
from dlm_lsp.errors import WorkerError
from dlm_lsp.settings import Settings

Heard = list[tuple[EngineState, str]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Name a scripted model."""
    return Settings(model=script(tmp_path / "one.json"), device="cpu", threads=1)


def script(path: Path) -> str:
    """Write a script that says nothing; give the model's name."""
    path.write_text(json.dumps({"rules": []}))
    return f"scripted:{path}"


@pytest_asyncio.fixture
async def service(settings: Settings) -> AsyncIterator[tuple[Service, Heard]]:
    """Give a service, and what is heard of it."""
    heard: Heard = []
    service = Service(settings, on_state=lambda state, sentence: heard.append((state, sentence)))
    yield service, heard
    await service.stop()
    assert [] == workers()


def workers() -> list[psutil.Process]:
    """Give the worker processes of this test run."""
    return psutil.Process().children()


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for what is not told."""
    async with asyncio.timeout(30):
        while not is_so():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_other_settings_replace_the_worker_only_where_they_must(
    service: tuple[Service, Heard], settings: Settings, tmp_path: Path
) -> None:
    """Fails if a change of any setting costs a reload, a change of the model costs none, or two workers stay."""
    served, _ = service
    engine = served.engine
    await engine.ready()
    served.use(replace(settings, candidates=2), enabled=True)
    assert engine is served.engine
    other = replace(settings, model=script(tmp_path / "two.json"))
    served.use(other, enabled=True)
    assert (other, EngineState.STOPPED) == (served.settings, served.engine.state)
    await served.engine.ready()
    await until(lambda: 1 == len(workers()))


async def test_off_and_free_leave_no_process_and_can_be_taken_back(
    service: tuple[Service, Heard], settings: Settings
) -> None:
    """Fails if memory stays in use although nobody wants completions, or the next request finds no model."""
    served, heard = service
    await served.engine.ready()
    await served.free()
    assert [] == workers()
    await served.engine.ready()
    served.use(settings, enabled=False)
    await until(lambda: [] == workers())
    assert [EngineState.STARTING, EngineState.READY, EngineState.STOPPED] * 2 == [state for state, _ in heard]


async def test_a_model_that_cannot_be_loaded_changes_nothing(
    service: tuple[Service, Heard], settings: Settings, tmp_path: Path
) -> None:
    """Fails if a wrong name costs the model that works, or is told to the user as the end of all completions."""
    served, heard = service
    engine = served.engine
    await engine.ready()
    with pytest.raises(WorkerError, match="no-such-folder"):
        await served.switch(replace(settings, model=str(tmp_path / "no-such-folder")))
    assert (engine, settings, EngineState.READY) == (served.engine, served.settings, served.engine.state)
    assert EngineState.FAILED not in [state for state, _ in heard]


async def test_a_switch_takes_over_when_it_is_loaded(
    service: tuple[Service, Heard], settings: Settings, tmp_path: Path
) -> None:
    """Fails if there is no model while the next one loads, or the old one stays in memory after that."""
    served, _ = service
    old = served.engine
    await old.ready()
    switching = asyncio.create_task(served.switch(replace(settings, model=script(tmp_path / "two.json"))))
    await asyncio.sleep(0)
    assert old is served.engine
    await switching
    assert old is not served.engine
    assert EngineState.READY is served.engine.state
    await until(lambda: 1 == len(workers()))


async def test_a_switch_that_is_cancelled_leaves_nothing(
    service: tuple[Service, Heard], settings: Settings, tmp_path: Path
) -> None:
    """Fails if a model that nobody wants any more is loaded all the same, and stays."""
    served, _ = service
    await served.engine.ready()
    switching = asyncio.create_task(served.switch(replace(settings, model=script(tmp_path / "two.json"))))
    await until(lambda: 2 == len(workers()))
    switching.cancel()
    await until(lambda: switching.done() and 1 == len(workers()))
    assert EngineState.READY is served.engine.state


@pytest.mark.parametrize("wanted", ["other settings", "off", "free"])
async def test_what_is_wanted_while_a_model_loads_prevails(
    service: tuple[Service, Heard], settings: Settings, tmp_path: Path, wanted: str
) -> None:
    """Fails if a switch that was asked for earlier undoes what the user has said since, or fills memory that was just freed."""
    served, _ = service
    switching = asyncio.create_task(served.switch(replace(settings, model=script(tmp_path / "two.json"))))
    await until(lambda: 1 == len(workers()))
    if wanted == "free":
        await served.free()
    else:
        settings = replace(settings, threads=2)
        served.use(settings, enabled=wanted != "off")
    with pytest.raises(WorkerError, match="while the model was being loaded"):
        await switching
    assert (settings, EngineState.STOPPED) == (served.settings, served.engine.state)
    await until(lambda: [] == workers())

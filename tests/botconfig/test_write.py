"""The file is the old one or the new one: whoever it belongs to, wherever it is mounted, whenever the process is killed."""

import errno
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bigdipper_exporter.botconfig import write
from bigdipper_exporter.botconfig.copies import KEPT, Copies, hash_of, undo_to
from bigdipper_exporter.botconfig.write import ConfigFile, StaleError, WriteError
from tests.running import NOBODY, environment

OLD = b"# config\nMAX_MARGIN_PCT = 0.20\n" + b"# rest\n" * 2000
NEW = OLD.replace(b"0.20", b"0.185")
ROOT = os.geteuid() == 0
UNSHARE = shutil.which("unshare")


@pytest.fixture
def file(tmp_path: Path) -> ConfigFile:
    (tmp_path / "bot").mkdir()
    path = tmp_path / "bot" / "config.py"
    path.write_bytes(OLD)
    path.chmod(0o640)
    return ConfigFile(path, Copies(tmp_path / "copies"))


def put(file: ConfigFile, data: bytes = NEW) -> str:
    return file.write(data, hash_of(file.read()), "a test", "MAX_MARGIN_PCT=0.185")


def test_a_change_replaces_the_file_and_keeps_owner_and_mode(file: ConfigFile) -> None:
    if ROOT:
        os.chown(file.path, NOBODY, NOBODY)
    before = file.path.stat()
    assert put(file) == "replaced"
    after = file.path.stat()
    assert file.read() == NEW
    assert (after.st_uid, after.st_gid, stat.S_IMODE(after.st_mode)) == (before.st_uid, before.st_gid, 0o640)
    assert after.st_mtime_ns - before.st_mtime_ns >= 1_000_000_000  # Python trusts its compiled copy by time and size
    assert os.listdir(file.path.parent) == ["config.py"]
    (attempt,) = file.copies.attempts()
    assert (attempt.who, attempt.before, attempt.after) == ("a test", hash_of(OLD), hash_of(NEW))
    assert {copy.hash for copy in file.copies.contents()} == {hash_of(OLD), hash_of(NEW)}
    assert file.copies.author(hash_of(NEW)[:12]) == "a test"


def test_a_stale_hash_changes_nothing(file: ConfigFile) -> None:
    seen = hash_of(file.read())
    file.path.write_bytes(OLD + b"# by hand\n")
    with pytest.raises(StaleError, match="has changed since"):
        file.write(NEW, seen, "a test", "x")
    assert file.read() == OLD + b"# by hand\n"


def test_a_link_stays_a_link(file: ConfigFile, tmp_path: Path) -> None:
    link = tmp_path / "link.py"
    link.symlink_to(file.path)
    put(ConfigFile(link, file.copies))
    assert link.is_symlink()
    assert file.path.read_bytes() == NEW


def test_a_second_name_of_the_file_sees_the_change_too(file: ConfigFile, tmp_path: Path) -> None:
    os.link(file.path, tmp_path / "other.py")
    assert put(file) == "changed in place"
    assert (tmp_path / "other.py").read_bytes() == NEW


def test_copies_are_bounded(file: ConfigFile) -> None:
    with file.copies.locked():
        for number in range(KEPT + 5):
            file.copies.keep(b"%d" % number)
    assert len(file.copies.contents()) == KEPT


@pytest.mark.parametrize("ahead", [-3600, 3600], ids=["clock", "clock that was set back"])
def test_a_change_keeps_the_contents_that_its_undo_needs(file: ConfigFile, ahead: float) -> None:
    """Also where the present content is the oldest of all copies, and where the clock was set back since they were made."""
    others = [b"# by hand %d\n" % number for number in range(KEPT - 1)]
    file.copies.folder.mkdir()
    for number, data in enumerate((OLD, *others)):
        path = file.copies.folder / f"{20200101 + number}T000000Z-{hash_of(data)[:12]}.py"
        path.write_bytes(data)
        at = time.time() + ahead + number
        os.utime(path, (at, at))
    contents = [NEW + b"# %d\n" % number for number in range(3)]
    before = OLD
    for data in contents:
        put(file, data)
        kept = {copy.hash for copy in file.copies.contents()}
        assert len(kept) == KEPT
        assert {hash_of(before), hash_of(data)} <= kept
        before = data
    newest = [copy.hash for copy in file.copies.contents()][:5]
    assert newest == [hash_of(data) for data in (*reversed(contents), OLD, others[-1])]  # by last use, not by first


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EACCES, errno.EROFS])
def test_where_replacing_is_impossible_it_is_changed_in_place(
    file: ConfigFile, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    real = os.replace

    def refuse(source: Path, target: Path) -> None:
        if Path(target) == file.path:
            raise OSError(number, os.strerror(number))
        real(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    inode = file.path.stat().st_ino
    assert put(file) == "changed in place"
    assert (file.read(), file.path.stat().st_ino) == (NEW, inode)
    assert put(file, OLD) == "changed in place"
    assert file.read() == OLD
    assert os.listdir(file.path.parent) == ["config.py"]


@pytest.mark.parametrize("busy", [False, True])
def test_a_full_disk_changes_nothing(file: ConfigFile, monkeypatch: pytest.MonkeyPatch, busy: bool) -> None:
    real, fails = os.write, True

    def full(descriptor: int, data: bytes) -> int:
        name = os.readlink(f"/proc/self/fd/{descriptor}")
        if fails and "config.py" in name and len(data) > 100:
            real(descriptor, data[:50])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, data)

    if busy:
        refuse_replacing(monkeypatch)
        monkeypatch.setattr(write, "_in_place", _failing_once(write._in_place))
    else:
        monkeypatch.setattr(os, "write", full)
    with pytest.raises(WriteError, match="No space left on device; nothing was changed"):
        put(file)
    assert file.path.read_bytes() == OLD
    assert os.listdir(file.path.parent) == ["config.py"]


def _failing_once(real: Callable[[Path, bytes, bytes], None]) -> Callable[[Path, bytes, bytes], None]:
    calls = []

    def in_place(path: Path, before: bytes, data: bytes) -> None:
        calls.append(1)
        if len(calls) == 1:
            with path.open("r+b") as file:
                file.write(data[:40])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(path, before, data)

    return in_place


def refuse_replacing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EBUSY, "busy")

    monkeypatch.setattr(write, "_replace", refuse)


def cut_short(monkeypatch: pytest.MonkeyPatch, file: ConfigFile, data: bytes, size: int, what: str = "x") -> None:
    """Change the file in place, and be killed after `size` bytes of what differs."""
    with monkeypatch.context() as patch:
        refuse_replacing(patch)
        patch.setattr(write, "_write_all", lambda descriptor, rest: _die_after(descriptor, rest[:size]))
        with pytest.raises(KeyboardInterrupt):
            file.write(data, hash_of(file.read()), "a test", what)


def _die_after(descriptor: int, data: bytes) -> None:
    os.write(descriptor, data)
    raise KeyboardInterrupt  # like a kill, it runs none of the handlers of OSError


@pytest.mark.parametrize("size", [*range(1, len(NEW) - 28, 997), 3, 4])
def test_a_change_in_place_that_was_interrupted_is_found_and_nothing_is_written(
    file: ConfigFile, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    cut_short(monkeypatch, file, NEW, size)
    torn = file.read()
    is_torn = torn not in (OLD, NEW)
    interrupted = file.interrupted()
    assert (interrupted is not None) is is_torn
    if interrupted:
        assert file.copies.of_hash(interrupted.whole) == OLD
        with pytest.raises(WriteError, match=r"is half written: a change was interrupted \(x, .*`bot-config undo` repairs it"):
            file.whole()
    assert file.path.read_bytes() == torn


def test_an_interrupted_repair_is_completed(file: ConfigFile, monkeypatch: pytest.MonkeyPatch) -> None:
    cut_short(monkeypatch, file, NEW, 2000)
    torn = file.read()
    cut_short(monkeypatch, file, OLD, 1000, undo_to("20261127T201700Z-0123456789ab"))
    assert file.read() not in (OLD, NEW, torn)
    interrupted = file.interrupted()
    assert interrupted is not None
    assert file.copies.of_hash(interrupted.whole) == OLD


def mixtures() -> list[bytes]:
    """Contents that an interrupted change in place from OLD to NEW could leave, and a few others."""
    return [NEW[:done] + OLD[done:] for done in (27, 29, 5000)] + [OLD[:500], NEW + b"X = 1\n", b"class", b""]


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("by_hand", mixtures())
def test_after_a_complete_change_an_edit_by_hand_is_one(
    file: ConfigFile, monkeypatch: pytest.MonkeyPatch, by_hand: bytes, in_place: bool
) -> None:
    with monkeypatch.context() as patch:
        if in_place:
            refuse_replacing(patch)
        put(file)
    file.path.write_bytes(by_hand)
    assert file.interrupted() is None
    assert file.whole() == by_hand


@pytest.mark.parametrize(("seconds", "found"), [(0.5, True), (-0.5, True), (300, False), (-300, False)])
def test_the_journal_of_an_earlier_release_finds_what_was_written_then(file: ConfigFile, seconds: float, found: bool) -> None:
    """It has one line for each change, before it, and does not say whether the change ended."""
    moment = 1_790_000_000.0
    with file.copies.locked():
        file.copies.keep(OLD, NEW)
    line = {"ts": moment, "who": "command line, me", "what": "X=1", "before": hash_of(OLD), "after": hash_of(NEW)}
    (file.copies.folder / "journal").write_text(json.dumps(line) + "\n")
    file.path.write_bytes(NEW[:5000] + OLD[5000:])
    os.utime(file.path, (moment + seconds, moment + seconds))
    interrupted = file.interrupted()
    assert (interrupted is not None) is found
    assert not found or (interrupted is not None and interrupted.whole == hash_of(OLD))


def test_a_journal_of_this_release_can_be_read_by_the_one_before(file: ConfigFile, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_replacing(monkeypatch)
    put(file)
    lines = [json.loads(line) for line in (file.copies.folder / "journal").read_text().splitlines()]
    assert [line["step"] for line in lines] == ["begun", "in place", "ended"]
    assert all({"ts", "who", "what", "before", "after"} <= line.keys() for line in lines)
    assert len(file.copies.attempts()) == 1


def test_a_line_that_was_cut_short_spoils_no_other(file: ConfigFile) -> None:
    put(file)
    with (file.copies.folder / "journal").open("a") as journal:
        journal.write('{"ts": 1')
    put(file, OLD)
    assert [attempt.after for attempt in file.copies.attempts()] == [hash_of(OLD), hash_of(NEW)]


def test_a_file_that_could_not_be_put_back_is_not_called_unchanged(file: ConfigFile, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, _: bytes, __: bytes) -> None:
        with path.open("r+b") as opened:
            opened.write(NEW[:40])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    refuse_replacing(monkeypatch)
    monkeypatch.setattr(write, "_in_place", full)
    with pytest.raises(WriteError, match="is half written"):
        put(file)
    assert file.interrupted() is not None


def test_a_folder_that_cannot_be_synchronised_leaves_a_replaced_file(file: ConfigFile, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def refuse(path: Path, flags: int, *more: int) -> int:
        if flags & os.O_DIRECTORY:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(path, flags, *more)

    monkeypatch.setattr(os, "open", refuse)
    assert put(file) == "replaced"
    assert file.read() == NEW


def test_reading_waits_for_a_change_that_is_being_written(file: ConfigFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another process is writing this moment is not half written."""
    cut_short(monkeypatch, file, NEW, 2000)
    answers: list[object] = []
    reader = threading.Thread(target=lambda: answers.append(file.interrupted()))
    with file.copies.locked():
        reader.start()
        reader.join(0.05)
        assert not answers
        file.path.write_bytes(NEW)
    reader.join()
    assert answers == [None]


PROGRAM = """
import sys
from pathlib import Path
from bigdipper_exporter.botconfig import write
from bigdipper_exporter.botconfig.copies import Copies, hash_of
from bigdipper_exporter.botconfig.write import ConfigFile
file = ConfigFile(Path(sys.argv[1]), Copies(Path(sys.argv[2])))
old, new = (Path(name).read_bytes() for name in sys.argv[3:5])
print("ready", flush=True)
while True:
    for data in (new, old):
        if file.read() != data:
            file.write(data, hash_of(file.read()), "a test", "x")
"""


def test_killed_in_the_middle_it_is_the_old_or_the_new_file(file: ConfigFile, tmp_path: Path) -> None:
    for name, data in (("old", OLD), ("new", NEW)):
        (tmp_path / name).write_bytes(data)
    arguments = [file.path, file.copies.folder, tmp_path / "old", tmp_path / "new"]
    for turn in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE, env=environment()
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.01 + turn * 0.007)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert file.read() in (OLD, NEW)


MOUNTED = """
set -e
mount --bind "$1/bot/config.py" "$1/bot/config.py"
{options}
exec {command}
"""
CHANGE = (
    "{python} -m bigdipper_exporter bot-config set MAX_MARGIN_PCT=0.185 --yes --bot.config-editable"
    " --bot.config-copies $1/copies --bot.config $1/bot/config.py"
)


@pytest.mark.skipif(not ROOT or UNSHARE is None, reason="needs root and unshare")
@pytest.mark.parametrize("options", ["", "mount -o remount,bind,ro $1/bot/config.py"], ids=["writable", "read-only"])
def test_a_file_that_is_mounted_by_itself(file: ConfigFile, tmp_path: Path, options: str) -> None:
    script = MOUNTED.format(options=options, command=CHANGE.format(python=sys.executable))
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    if options:
        assert done.returncode == 2, done.stdout
        assert "nothing was changed" in done.stderr
        assert file.read() == OLD
    else:
        assert done.returncode == 0, done.stderr
        assert "changed in place" in done.stdout
        assert file.read() == NEW


@pytest.mark.skipif(not ROOT, reason="needs root to give the file away")
def test_a_file_of_another_user_is_refused_and_never_taken() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        path = folder / "config.py"
        path.write_bytes(OLD)
        os.chown(path, NOBODY, NOBODY)
        file = ConfigFile(path, Copies(folder / "copies"))
        child = os.fork()
        if child == 0:  # as a user who may write the folder, but neither the file nor give one away
            os.setgroups([])
            os.setgid(1)
            os.setuid(1)
            try:
                put(file)
            except WriteError:
                os._exit(7)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert (path.stat().st_uid, path.read_bytes()) == (NOBODY, OLD)
        assert {entry.name for entry in folder.iterdir()} == {"config.py", "copies"}

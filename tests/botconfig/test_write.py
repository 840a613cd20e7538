"""The file is the old one or the new one: whoever it belongs to, wherever it is mounted, whenever the process is killed."""

import errno
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bigdipper_exporter.botconfig import write
from bigdipper_exporter.botconfig.copies import KEPT, Copies, hash_of
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

    def refuse(*_: object) -> None:
        raise OSError(errno.EBUSY, "busy")

    if busy:
        monkeypatch.setattr(write, "_replace", refuse)
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


@pytest.mark.parametrize("done", range(0, len(NEW), 997))
def test_a_change_in_place_that_was_interrupted_is_put_right(file: ConfigFile, done: int) -> None:
    torn = NEW[:done] + OLD[done:]
    put(file)
    file.path.write_bytes(torn)
    torn_for_sure = torn not in (OLD, NEW)
    assert file.recover() is torn_for_sure
    assert file.read() in (OLD, NEW)


def test_an_edit_by_hand_is_never_put_right(file: ConfigFile) -> None:
    put(file)
    for by_hand in (NEW + b"X = 1\n", b"class", OLD[:500], b""):
        file.path.write_bytes(by_hand)
        assert not file.recover() or by_hand == OLD[:500]
    assert file.recover() is False


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
        file.recover()
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

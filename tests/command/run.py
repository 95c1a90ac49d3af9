"""Runs text files of commands and compares what comes out.

    run.py HYGGE SOURCE_DIR [--update] CASES.txt...

A file is run from top to bottom in a folder of its own, where `examples` is the source's. Its lines:

    # …            a remark
    file NAME      the lines `| …` that follow are written to NAME
    env NAME=VALUE for the commands that follow; `env NAME` unsets it
    $ COMMAND      run by bash with pipefail; `hygge` is the one under test
    % COMMAND      the same on a pseudo-terminal of 80 columns (or COLUMNS), where both streams are one
    > …            a line of stdout, exactly; <*> stands for any text within the line
    ! …            a line of stderr
    > <...>        any number of lines
    exit N         0 unless said

--update writes what came out into the file; lines that match as they are stay.
"""

import fcntl
import os
import pathlib
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time

TIMEOUT_S = 120


def pattern_of(line):
    return ".*".join(re.escape(part) for part in line.split("<*>"))


def matches(want, got):
    """Whether lines `got` are `want`, where "<...>" is any number of lines."""
    if not want:
        return not got
    if want[0] == "<...>":
        return any(matches(want[1:], got[i:]) for i in range(len(got) + 1))
    return bool(got) and re.fullmatch(pattern_of(want[0]), got[0], re.S) is not None \
        and matches(want[1:], got[1:])


def lines_of(data):
    text = data.decode(errors="backslashreplace").replace("\r\n", "\n")
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    elif lines:
        lines[-1] += "<no newline>"
    # What a terminal is told stays visible in the files.
    return [line.replace("\033", "<esc>").replace("\r", "<cr>") for line in lines]


def run_plain(command, folder, env):
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=folder, env=env,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S)
    return done.returncode, lines_of(done.stdout), lines_of(done.stderr)


def run_on_terminal(command, folder, env):
    leader, follower = pty.openpty()
    columns = int(env.get("COLUMNS", "80"))
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(["bash", "-o", "pipefail", "-c", command], cwd=folder, env=env,
                               stdin=follower, stdout=follower, stderr=follower,
                               start_new_session=True)
    os.close(follower)
    out, ends = b"", time.monotonic() + TIMEOUT_S
    while time.monotonic() < ends:
        ready, _, _ = select.select([leader], [], [], 0.2)
        if not ready:
            if process.poll() is not None:
                break
            continue
        try:
            piece = os.read(leader, 65536)
        except OSError:
            break
        if not piece:
            break
        out += piece
    os.close(leader)
    return process.wait(timeout=10), lines_of(out), []


class Case:
    def __init__(self, line_number, terminal, command):
        self.line_number, self.terminal, self.command = line_number, terminal, command
        self.out, self.err, self.exit = [], [], 0


def read_cases(path):
    """The file as a list of (kind, value): lines to keep, and cases."""
    parts = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        case = parts[-1][1] if parts and parts[-1][0] == "case" else None
        if line.startswith(("$ ", "% ")):
            parts.append(("case", Case(number, line[0] == "%", line[2:])))
        elif case and (line == ">" or line.startswith("> ")):
            case.out.append(line[2:])
        elif case and (line == "!" or line.startswith("! ")):
            case.err.append(line[2:])
        elif case and line.startswith("exit "):
            case.exit = int(line[5:])
        else:
            parts.append(("text", line))
    return parts


def case_lines(case):
    yield f"{'%' if case.terminal else '$'} {case.command}"
    yield from (f"> {line}".rstrip() if not line else f"> {line}" for line in case.out)
    yield from (f"! {line}".rstrip() if not line else f"! {line}" for line in case.err)
    if case.exit:
        yield f"exit {case.exit}"


def difference(what, want, got):
    return [f"  {what} expected:"] + [f"    {line}" for line in want] + \
           [f"  {what} came:"] + [f"    {line}" for line in got]


def run_file(path, hygge, source, update):
    env = {key: value for key, value in os.environ.items()
           if not key.startswith(("HYGGE_", "CLICOLOR", "LC_"))
           and key not in ("NO_COLOR", "COLUMNS")}
    env |= {"PATH": f"{hygge.parent}:{env['PATH']}", "TZ": "UTC", "LANG": "C.UTF-8",
            "TERM": "xterm"}
    failures, ran = [], 0
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hygge_command."))
    try:
        (folder / "examples").symlink_to(source / "examples")
        parts, filed = read_cases(path), None
        for kind, value in parts:
            if kind == "text":
                if value.startswith("file "):
                    filed = folder / value[5:]
                    filed.write_bytes(b"")
                elif value.startswith("|") and filed:
                    with filed.open("ab") as out:
                        out.write(value[2:].encode() + b"\n")
                elif value.startswith("env "):
                    name, equals, content = value[4:].partition("=")
                    env.pop(name, None)
                    env.update({name: content} if equals else {})
                continue
            ran += 1
            run = run_on_terminal if value.terminal else run_plain
            code, out, err = run(value.command, folder, env)
            out = [line.replace(str(folder), "<folder>") for line in out]
            err = [line.replace(str(folder), "<folder>") for line in err]
            wrong = []
            if code != value.exit:
                wrong.append(f"  exit {code}, expected {value.exit}")
            if not matches(value.out, out):
                wrong += difference("stdout", value.out, out)
            if not matches(value.err, err):
                wrong += difference("stderr", value.err, err)
            if wrong:
                failures.append("\n".join(
                    [f"{path.name}:{value.line_number}: {value.command}"] + wrong))
                if update:
                    value.exit = code
                    value.out = value.out if matches(value.out, out) else out
                    value.err = value.err if matches(value.err, err) else err
        if update and failures:
            text = []
            for kind, value in parts:
                text += [value] if kind == "text" else case_lines(value)
            path.write_text("\n".join(text), encoding="utf-8")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return ran, failures


def main():
    words = [word for word in sys.argv[1:] if word != "--update"]
    hygge, source = pathlib.Path(words[0]).resolve(), pathlib.Path(words[1]).resolve()
    if hygge.name != "hygge":
        sys.exit("the command must be called hygge")
    ran, failures = 0, []
    for path in words[2:]:
        count, wrong = run_file(pathlib.Path(path), hygge, source, "--update" in sys.argv)
        ran += count
        failures += wrong
    print("\n\n".join(failures))
    print(f"{ran} commands, {len(failures)} failed")
    sys.exit(1 if failures or ran == 0 else 0)


if __name__ == "__main__":
    main()

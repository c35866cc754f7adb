"""The man page and the shells' completions against what the program itself says."""
import pathlib
import re
import shutil
import subprocess

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
MAN = SOURCE / "docs" / "pyralog.1"
BASH = SOURCE / "tools" / "completion" / "pyralog.bash"
ZSH = SOURCE / "tools" / "completion" / "_pyralog"
OPTION = re.compile(r"(?<![\w-])--?[A-Za-z][a-z-]*")


def options_of_help(text):
    """Options stand at the beginning of their lines."""
    found = set()
    for line in text.splitlines():
        match = re.match(r"  (?:(-\w), |    )(--[a-z-]+) ", line)
        if match:
            found.update(filter(None, match.groups()))
    return found


@pytest.fixture(scope="module")
def program(run):
    """{command: its options}, as `pyralog help` has them."""
    everything = run("help").out
    names = ["shell"] + re.findall(r"^  pyralog ([a-z]+)", everything, re.MULTILINE)
    options = {name: options_of_help(run("help", name).out) for name in names}
    assert options_of_help(everything) == options["shell"]
    assert {"shell", "serve", "ingest", "help", "version"} <= set(names)
    assert "--listen" in options["serve"] and "-c" in options["shell"]
    return options


def man_sections():
    """{command: the page's text about its options}."""
    text = MAN.read_text().replace("\\-", "-")
    text = re.sub(r"\\f[A-Z]", "", text)
    shell = text[text.index(".SS Options of the shell"):text.index(".SS Dot commands")]
    commands = text[text.index(".SH COMMANDS"):text.index(".SH FORMATS")]
    sections = {"shell": shell}
    for part in commands.split("\n.SS ")[1:]:
        name, body = part.split("\n", 1)
        sections[name] = body
    return sections


def test_the_man_page_has_every_command_and_option_and_no_other(program):
    sections = man_sections()
    assert sections.keys() == program.keys()
    for name, body in sections.items():
        tags = re.findall(r"^\.T[PQ]\n(.*)$", body, re.MULTILINE)
        found = {option for tag in tags for option in OPTION.findall(tag)}
        wanted = program[name] if name == "shell" else program[name] - {"-h", "--help"}
        assert found == wanted, name


def test_the_man_page_has_every_dot_command_and_no_other(run):
    text = MAN.read_text()
    part = text[text.index(".SS Dot commands"):text.index(".SH COMMANDS")]
    found = {word for tag in re.findall(r"^\.T[PQ]\n(.*)$", part, re.MULTILINE)
             for word in re.findall(r"(?<![\w.])\.[a-z]+", tag.split(" ", 1)[1])}
    wanted = set(re.findall(r"^(\.[a-z]+)", run(input=".help\n").out, re.MULTILINE))
    assert found == wanted | {".exit"}


def test_the_man_page_is_well_formed():
    if not shutil.which("groff"):
        pytest.skip("no groff")
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", MAN], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == ""


def complete_in_bash(*words, cwd=None):
    """What Tab offers for the last word."""
    script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); '
              '_pyralog; printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "--norc", "-u", "-c", script, "bash", BASH, "pyralog", *words],
                          capture_output=True, text=True, cwd=cwd, timeout=60)
    # compopt works only where readline asks; it says nothing for that.
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return set(done.stdout.split("\n")) - {""}


def test_bash_completes_every_command_and_option_and_no_other(program, tmp_path):
    assert complete_in_bash("", cwd=tmp_path) == set(program) | {":memory:"}
    assert complete_in_bash("help", "", cwd=tmp_path) == set(program)
    for name, options in program.items():
        assert complete_in_bash(name, "-") == options, name
        assert complete_in_bash(name, "--he") == {"--help"}
    assert complete_in_bash("-") == program["shell"]
    assert complete_in_bash("db", "--ti") == {"--timer"}


def test_bash_knows_which_options_take_a_value(run, program):
    for name, options in program.items():
        text = run("help", name).out
        for option in options:
            match = re.search(rf"(?:^|[ ,]){re.escape(option)}(?:, --\w+)? ([A-Z=:]+) ", text)
            script = 'source "$1"; _pyralog_takes_value "$2"'
            code = subprocess.run(["bash", "--norc", "-c", script, "bash", BASH, option], timeout=60).returncode
            assert (code == 0) == bool(match), option


def test_bash_completes_values_and_files(run, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.arrow").touch()
    formats = set(re.findall(r"\w+", run("--format", "xml", code=2).err.split("not one of ")[1]))
    assert complete_in_bash("--format", "") == formats
    formats = set(re.findall(r"\w+", run("ingest", "d", "t", "f", "--format", "xml", code=2).err.split("not one of ")[1]))
    assert complete_in_bash("ingest", "--format", "") == formats
    assert complete_in_bash("fo", cwd=tmp_path) == {"folder"}
    assert complete_in_bash("inspect", "fi", cwd=tmp_path) == {"file.arrow"}
    assert complete_in_bash("ingest", "", cwd=tmp_path) == {"folder"}
    assert complete_in_bash("ingest", "db", "t", "", cwd=tmp_path) == {"folder", "file.arrow"}
    assert complete_in_bash("-f", "", cwd=tmp_path) == {"folder", "file.arrow"}
    assert complete_in_bash("serve", "db", "--allow-path", "", cwd=tmp_path) == {"folder"}
    assert complete_in_bash("-c", "", cwd=tmp_path) == set()
    for setting in complete_in_bash("--set", ""):
        assert "42704" not in run(":memory:", "--set", setting + "1", "-c", "SELECT 1", code=None).err


def zsh_function(name):
    text = ZSH.read_text()
    match = re.search(rf"^_pyralog_{name}\(\) {{\n(.*?)^}}", text, re.MULTILINE | re.DOTALL)
    return match.group(1) if match else ""


def test_zsh_completes_every_command_and_option_and_no_other(program):
    text = ZSH.read_text()
    names = re.findall(r"^        '([a-z]+):", text, re.MULTILINE)
    assert set(names) == set(program)
    assert "{-h,--help}" in text
    for name, options in program.items():
        found = set(re.findall(r"'\*?(--[a-z-]+)\[", zsh_function(name)))
        for letter, option in re.findall(r"\{(-\w),(--[a-z-]+)\}", zsh_function(name)):
            found |= {letter, option}
        assert found == options - {"-h", "--help"}, name


def test_zsh_takes_its_file():
    if not shutil.which("zsh"):
        pytest.skip("no zsh")
    done = subprocess.run(["zsh", "-f", "-n", ZSH], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == ""

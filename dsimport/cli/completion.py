"""`dsimport completion`: a completion script for bash, zsh or fish, made from the argument parser itself."""

from __future__ import annotations

import argparse
from typing import Any

__all__ = ["register", "run"]


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "completion",
        help="print a shell completion script",
        description='Print a completion script. For bash: eval "$(dsimport completion bash)"',
    )
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    from dsimport.cli.main import build_parser

    commands = _commands(build_parser())
    print({"bash": _bash, "zsh": _zsh, "fish": _fish}[args.shell](commands))
    return 0


def _commands(parser: argparse.ArgumentParser) -> dict[str, list[str]]:
    """Options by command."""
    action = next(item for item in parser._actions if isinstance(item, argparse._SubParsersAction))
    return {
        name: [option for item in sub._actions for option in item.option_strings]
        for name, sub in action.choices.items()
    }


def _bash(commands: dict[str, list[str]]) -> str:
    cases = "\n".join(f'    {name}) words="{" ".join(options)}" ;;' for name, options in commands.items())
    return f"""_dsimport() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{" ".join(commands)} --version --help" -- "$word"))
    return
  fi
  case "${{COMP_WORDS[1]}}" in
{cases}
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$words" -- "$word")) ;;
    *) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}}
complete -o filenames -F _dsimport dsimport"""


def _zsh(commands: dict[str, list[str]]) -> str:
    return f"autoload -Uz bashcompinit && bashcompinit\n{_bash(commands)}"


def _fish(commands: dict[str, list[str]]) -> str:
    lines = [f"complete -c dsimport -n __fish_use_subcommand -f -a '{' '.join(commands)}'"]
    for name, options in commands.items():
        for option in options:
            flag = f"-l {option[2:]}" if option.startswith("--") else f"-s {option[1:]}"
            lines.append(f"complete -c dsimport -n '__fish_seen_subcommand_from {name}' {flag}")
    return "\n".join(lines)

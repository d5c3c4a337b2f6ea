import {
  type Completion,
  type CompletionOption,
  completionsOf,
} from "./completion_model.ts";
import { commandSteps, type Program } from "./option_table.ts";

/** The shells that completions can be written for. */
export type Shell = "bash" | "zsh" | "fish";

/**
 * A script that makes a shell complete the commands, options and values of a
 * program, to be sourced or put where the shell looks for completions.
 *
 * @returns lines that end with a line break
 */
export function renderCompletions(program: Program, shell: Shell): string {
  const render = { bash: renderBash, zsh: renderZsh, fish: renderFish }[shell];
  return `${render(program).join("\n")}\n`;
}

/** Quotes a word for every shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function functionName(program: Program): string {
  return `_${program.name.replaceAll(/[^a-z0-9_]/g, "_")}`;
}

function renderBash(program: Program): string[] {
  const completions = completionsOf(program);
  const name = functionName(program);
  const valueCases = completions.flatMap(({ command, options }) =>
    options.filter(({ takesValue }) => takesValue).map((option) =>
      `    ${quote(`${command}:${option.spelling}`)}) ${
        bashValues(option.values)
      }; return ;;`
    )
  );
  const wordCases = completions.map(({ command, options, words, files }) => {
    const offered = [
      ...words.map(({ word }) => word),
      ...options.map(({ spelling }) => spelling),
    ];
    const fallback = files ? " files=1" : "";
    return `    ${quote(command)}) words=${
      quote(offered.join(" "))
    }${fallback} ;;`;
  });
  return [
    `# bash completions for ${program.name}`,
    `${name}() {`,
    "  local cur prev command='' words='' files='' i",
    "  cur=${COMP_WORDS[COMP_CWORD]}",
    "  prev=${COMP_WORDS[COMP_CWORD - 1]}",
    "  # bash splits --option=value into three words",
    '  if [[ $cur == "=" ]]; then',
    "    cur=''",
    '  elif [[ $prev == "=" ]]; then',
    "    prev=${COMP_WORDS[COMP_CWORD - 2]}",
    "  fi",
    "  COMPREPLY=()",
    "  for ((i = 1; i < COMP_CWORD; i++)); do",
    "    case $command:${COMP_WORDS[i]} in",
    ...commandSteps(program).map(({ from, word, to }) =>
      `      ${quote(`${from}:${word}`)}) command=${quote(to)} ;;`
    ),
    "    esac",
    "  done",
    "  case $command:$prev in",
    ...valueCases,
    "  esac",
    "  case $command in",
    ...wordCases,
    "  esac",
    "  if [[ -n $files && $cur != -* ]]; then",
    `    ${bashValues("file")}`,
    "  else",
    '    COMPREPLY=($(compgen -W "$words" -- "$cur"))',
    "  fi",
    "}",
    `complete -F ${name} ${program.name}`,
  ];
}

function bashValues(values: CompletionOption["values"]): string {
  if (values === undefined) return ":";
  if (values === "file" || values === "directory") {
    const action = values === "file" ? "-f" : "-d";
    return `compopt -o filenames 2>/dev/null; local IFS=$'\\n'; COMPREPLY=($(compgen ${action} -- "$cur"))`;
  }
  return `COMPREPLY=($(compgen -W ${quote(values.join(" "))} -- "$cur"))`;
}

function renderZsh(program: Program): string[] {
  const name = functionName(program);
  const cases = completionsOf(program).flatMap((completion) => [
    `    ${quote(completion.command)})`,
    ...zshArguments(completion),
    "      ;;",
  ]);
  return [
    `#compdef ${program.name}`,
    `${name}() {`,
    "  local command='' i at=1",
    "  for ((i = 2; i < CURRENT; i++)); do",
    '    case "$command:${words[i]}" in',
    ...commandSteps(program).map(({ from, word, to }) =>
      `      ${quote(`${from}:${word}`)}) command=${quote(to)}; at=$i ;;`
    ),
    "    esac",
    "  done",
    "  # What follows the command is completed as if the command were a program",
    '  words=("${(@)words[at,-1]}")',
    "  (( CURRENT -= at - 1 ))",
    '  case "$command" in',
    ...cases,
    "  esac",
    "}",
    `compdef ${name} ${program.name}`,
  ];
}

function zshArguments({ options, words, files }: Completion): string[] {
  const special = (text: string) => text.replaceAll(/[\[\]:\\]/g, "\\$&");
  const specs = options.map(
    ({ spelling, repeatable, takesValue, help, values }) =>
      quote(
        `${repeatable ? "*" : ""}${spelling}${takesValue ? "=" : ""}[${
          special(help)
        }]${takesValue ? `:value:${zshValues(values)}` : ""}`,
      ),
  );
  if (words.length > 0) {
    const offered = words.map(({ word, help }) =>
      `${word}\\:"${special(help)}"`
    );
    specs.push(quote(`1:word:((${offered.join(" ")}))`));
  }
  if (files) specs.push(quote("*:file:_files"));
  return [
    "      _arguments \\",
    ...specs.map((spec, i) =>
      `        ${spec}${i < specs.length - 1 ? " \\" : ""}`
    ),
  ];
}

function zshValues(values: CompletionOption["values"]): string {
  if (values === undefined) return " ";
  if (values === "file") return "_files";
  if (values === "directory") return "_files -/";
  return `(${values.join(" ")})`;
}

function renderFish(program: Program): string[] {
  const complete = `complete -c ${program.name}`;
  const lines = completionsOf(program).flatMap((completion) => {
    const condition = `-n ${quote(fishCondition(program, completion.command))}`;
    return [
      ...completion.words.map(({ word, help }) =>
        `${complete} ${condition} -a ${quote(word)} -d ${quote(help)}`
      ),
      ...(completion.files ? [`${complete} ${condition} -F`] : []),
      ...completion.options.map(({ spelling, takesValue, values, help }) =>
        [
          complete,
          condition,
          spelling.startsWith("--")
            ? `-l ${spelling.slice(2)}`
            : `-s ${spelling.slice(1)}`,
          ...(takesValue ? [fishValues(values)] : []),
          `-d ${quote(help)}`,
        ].join(" ")
      ),
    ];
  });
  return [
    `# fish completions for ${program.name}`,
    `${complete} -f`,
    ...lines,
  ];
}

/** Every word of the command was given, and none that leads further. */
function fishCondition(program: Program, command: string): string {
  const steps = commandSteps(program);
  const seen = command.split(" ").filter((word) => word !== "");
  const further = steps.filter(({ from }) => from === command)
    .map(({ word }) => word);
  return [
    ...seen.map((word) => `__fish_seen_subcommand_from ${word}`),
    ...(further.length === 0
      ? []
      : [`not __fish_seen_subcommand_from ${further.join(" ")}`]),
  ].join("; and ") || "true";
}

function fishValues(values: CompletionOption["values"]): string {
  if (values === undefined) return "-x";
  if (values === "file") return "-r -F";
  if (values === "directory") return "-x -a '(__fish_complete_directories)'";
  return `-x -a ${quote(values.join(" "))}`;
}

import { UsageError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import type { FlagOption, Option, ToggleOption } from "./option_table.ts";

/**
 * Checks the value of an option or argument against its table.
 *
 * @param label how the message names the option
 * @param see the sentence that ends the message: where to learn more
 * @throws UsageError that names option, value and rule
 */
export function checkValue(
  option: Exclude<Option, FlagOption | ToggleOption>,
  label: string,
  text: string,
  see: string,
): string | number {
  const refusal = (problem: string) =>
    new UsageError(
      `Cannot use ${label} "${printable(text)}": ${problem}. ${see}`,
    );
  switch (option.type) {
    case "text": {
      const parsed = option.parse?.(text);
      if (parsed === undefined) return text;
      if (!parsed.ok) throw refusal(parsed.reason);
      return parsed.value;
    }
    case "choice": {
      if (option.choices.includes(text)) return text;
      throw refusal(`must be one of ${option.choices.join(", ")}`);
    }
    case "integer": {
      const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
      if (value >= option.min && value <= option.max) return value;
      throw refusal(
        `must be a whole number from ${option.min} to ${option.max}`,
      );
    }
    case "seconds": {
      const value = /^(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : NaN;
      if (value > 0 && value <= option.max) return value;
      throw refusal(
        `must be seconds, more than 0 and at most ${option.max}`,
      );
    }
  }
}

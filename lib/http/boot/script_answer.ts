import type { Result } from "../../core/result.ts";
import { errorAnswer, textAnswer } from "../../net/http1/answers.ts";
import type { BytesAnswer } from "../../net/http1/handler.ts";

/** A boot script, or 500 and why there is none. */
export function scriptAnswer(script: Result<string>): BytesAnswer {
  return script.ok
    ? textAnswer(script.value, {
      "Content-Type": "text/plain; charset=utf-8",
      "Cache-Control": "no-cache",
    })
    : errorAnswer(500, script.reason);
}

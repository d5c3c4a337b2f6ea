import type { RequestHead } from "../net/http1/request_head.ts";
import {
  headAndBody,
  ownHead,
  restOfHead,
} from "../net/http1/response_bytes.ts";
import { RememberedPaths } from "./remembered_paths.ts";

interface Answer {
  readonly head: string;
  readonly body: Uint8Array;
  readonly isCurrent: () => boolean;
  /** As it was last sent, with that second's date. */
  sent: { readonly date: string; readonly bytes: Uint8Array<ArrayBuffer> };
}

/**
 * Answers that stay the same until an image changes, as they go over the wire.
 * A rack asks for the same manifest again and again, and to make a Request and
 * a Response each time takes longer than everything else together.
 */
export class RememberedAnswers {
  readonly #answers = new RememberedPaths<Answer>();

  /**
   * Remembers what a plain GET request is answered.
   *
   * @param target of the request
   * @param response only its status and headers are used
   * @param isCurrent whether the answer would be the same now
   */
  remember(
    target: string,
    { response, body, isCurrent }: {
      readonly response: Response;
      readonly body: Uint8Array;
      readonly isCurrent: () => boolean;
    },
  ): void {
    this.#answers.set(target, {
      head: ownHead(response, { minorVersion: 1, lengthBytes: body.length }),
      body,
      isCurrent,
      sent: { date: "", bytes: new Uint8Array() },
    });
  }

  /**
   * The whole answer to a request, if it is remembered and still right.
   *
   * @param date the present time as an HTTP-date
   */
  find(
    { method, target, minorVersion, headers, keepAlive, body }: RequestHead,
    date: string,
  ): Uint8Array | undefined {
    const answer = this.#answers.get(target);
    if (
      answer === undefined || method !== "GET" || minorVersion !== 1 ||
      !keepAlive || body.kind !== "none" ||
      headers.some(isCondition)
    ) return undefined;
    if (!answer.isCurrent()) {
      this.#answers.delete(target);
      return undefined;
    }
    if (answer.sent.date !== date) {
      const rest = restOfHead({ date, keepAlive, minorVersion });
      const bytes = headAndBody(answer.head + rest, answer.body);
      answer.sent = { date, bytes };
    }
    return answer.sent.bytes;
  }
}

/** Whether a header can make an answer depend on more than the path. */
function isCondition([name]: RequestHead["headers"][number]): boolean {
  return name === "range" || name.startsWith("if-");
}

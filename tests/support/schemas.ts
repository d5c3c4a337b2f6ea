/** The JSON Schemas of docs/schemas, as tests hold documents to them. */
import assert from "node:assert/strict";
import { Ajv2020, type AnySchema } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { ROOT } from "./pages.ts";

const SCHEMAS = `${ROOT}docs/schemas/`;

/** The names of all schemas. */
export async function schemaNames(): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(SCHEMAS)) {
    names.push(name.replace(/\.json$/, ""));
  }
  return names.sort();
}

/** Checks documents, and remembers which schemas were used. */
export class Schemas {
  /** Those that a document was held to. */
  readonly used = new Set<string>();

  /**
   * Holds a document to a schema, and to its letter: members that it does not
   * name are refused here, though readers let them pass.
   */
  async check(name: string, document: unknown): Promise<void> {
    this.used.add(name);
    const ajv = new Ajv2020({ allErrors: true, strict: true });
    addFormats.default(ajv);
    const text = await Deno.readTextFile(`${SCHEMAS}${name}.json`);
    const validate = ajv.compile(closed(JSON.parse(text)) as AnySchema);
    assert.ok(
      validate(document),
      `${name}: ${ajv.errorsText(validate.errors)}\n${
        JSON.stringify(document)
      }`,
    );
  }
}

/** A schema of which every object has only the members that it names. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== "object" || schema === null) return schema;
  const members = Object.entries(schema)
    .map(([name, value]) => [name, closed(value)]);
  return {
    ...Object.fromEntries(members),
    ...("properties" in schema && "required" in schema) &&
      { additionalProperties: false },
  };
}

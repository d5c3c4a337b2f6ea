/**
 * Preloaded by `deno task test`: keeps what a test starts out of the coverage.
 * Deno would count it too: whole libraries in a bundle, and half a file of
 * figures where a test kills its child, at which the report fails.
 */
Deno.env.delete("DENO_COVERAGE_DIR");

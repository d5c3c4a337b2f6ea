import {
  onImports,
  pathBelowLib,
  resolveImport,
  type Rules,
} from "./modules.ts";

/** Where the machine may be touched: everything else is handed its I/O. */
const SHELLS = namesOf({
  "net": "default_route|host_addresses|interfaces|preferred_address|udp_socket",
  "net/dhcp": "system_network",
  "net/dht": "dnsaddr",
  "net/http1": "get|listeners|server",
  "net/mdns": "system_network",
  "net/tftp": "tftp_server",
  "net/upnp": "search",
  "cli":
    "close_debugger|command_context|discover_command|disk|disk_watcher|fetch_disk|" +
    "hang_ups|output|mirror_command|mirror_disk|passphrase|pipes_below|provider_commands|require_deno|run_program|service_manager",
});

/**
 * What only decides: bytes or events in, values out, at a time that is an
 * argument. Its tests need neither a clock nor to wait.
 */
const PURE = namesOf({
  "advertise": "dht_publications|advertisement_plan",
  "discover": "discovery|heard_services",
  "doctor": "[a-z_]*findings?|heard_instances|nodes_to_ask|not_looked_at|" +
    "passed_over|provider_services|provider_view|report",
  "http/boot": "[a-z_]+",
  "machines": "[a-z_]+",
  "net/dhcp": "boot_client|decode_message|encode_message|message|proxy_answer",
  "mirror": "mirror_plan",
  "net/dht": "message",
  "net/dns": "[a-z_]+",
  "net/http1": "body_framing|byte_range|chunked_body|header_lines|http_date|" +
    "preconditions|request_head|response_bytes",
  "net/mdns": "answer_queue|answers|claim_register|compare_claims|" +
    "group_dispatch|packets|querier|record_cache|record_ttls|responder|" +
    "service_claim|truncated_queries",
  "pxe": "answer_budget|firmware|loaders|offer",
  "net/tftp": "packet|transfer",
  "wire": "dns_sd_names|image_service|image_txt",
});

/** Modules of Node that reach nothing outside the program. */
const HARMLESS = /^node:(path|crypto)$/;

function namesOf(byRoom: Readonly<Record<string, string>>): RegExp {
  const rooms = Object.entries(byRoom)
    .map(([room, names]) => `${room}/(?:${names})`);
  return new RegExp(`^(?:${rooms.join("|")})\\.ts$`);
}

/** Pure code decides, thin shells do the I/O. */
export const shells: Rules = {
  "shells": {
    create(context) {
      const self = pathBelowLib(context.filename);
      if (self === undefined || SHELLS.test(self)) return {};
      const report = (node: Deno.lint.Node, what: string) =>
        context.report({
          node,
          message: `"${self}" uses ${what}`,
          hint: "Pass the clock, disk or socket in",
        });
      return {
        Identifier(node) {
          if (node.name === "Deno") report(node, "Deno.*");
        },
        ...onImports((node, specifier) => {
          if (specifier.startsWith("node:") && !HARMLESS.test(specifier)) {
            report(node, specifier);
          }
        }),
      };
    },
  },
  "pure": {
    create(context) {
      const self = pathBelowLib(context.filename);
      if (self === undefined || !PURE.test(self)) return {};
      const report = (node: Deno.lint.Node, what: string) =>
        context.report({
          node,
          message: `"${self}" only decides, and uses ${what}`,
          hint: "Give it the time and what was read; return what is to be done",
        });
      const checkAsync = (
        node: { readonly async: boolean } & Deno.lint.Node,
      ) => {
        if (node.async) report(node, "async");
      };
      return {
        FunctionDeclaration: checkAsync,
        FunctionExpression: checkAsync,
        ArrowFunctionExpression: checkAsync,
        Identifier(node) {
          if (node.name === "Promise") report(node, "Promise");
        },
        MemberExpression(node) {
          const text = context.sourceCode.getText(node);
          if (/^(Math\.random|Date\.now|crypto\.[a-zA-Z]+)$/.test(text)) {
            report(node, text);
          }
        },
        ...onImports((node, specifier) => {
          if (resolveImport(self, specifier) === "core/clock.ts") {
            report(node, "the clock");
          }
        }),
      };
    },
  },
};

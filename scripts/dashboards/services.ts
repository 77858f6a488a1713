/** Requests of HTTP, their errors and durations, by service. */
import { dashboard } from "./dashboard.js";
import { timeseries } from "./panels.js";
import { chosenPrograms, queries, top } from "./promql.js";
import { requestPanels } from "./requests.js";
import { agentVariables, programVariable } from "./variables.js";

const served = "http_server_request_duration_seconds";
const made = "http_client_request_duration_seconds";

const chosen = queries(chosenPrograms);
const { rate } = chosen;

const received = requestPanels(chosen, {
  histogram: served,
  name: "requests received",
  by: ["http_request_method", "http_route"],
});
const sent = requestPanels(chosen, {
  histogram: made,
  name: "requests sent",
  by: ["http_request_method", "url_template"],
});

export const services = dashboard({
  uid: "ringtap-services",
  title: "ringtap: Service RED",
  description: "Requests of HTTP, their errors and their durations. Signal l7, off by default.",
  variables: [
    ...agentVariables,
    programVariable(served, made, "ringtap_l7_lost_requests_total", "ringtap_l7_bytes_total"),
  ],
  rows: [
    { title: "Now", lines: [received.inAll, sent.inAll] },
    { title: "What services are asked", lines: received.lines },
    { title: "What services ask others", lines: sent.lines },
    {
      title: "What is not known",
      lines: [
        [
          timeseries({
            title: "Requests that were lost",
            description: "Of which it is not known how they ended, by reason.",
            unit: "reqps",
            queries: { "{{comm}} {{reason}}": top(rate("ringtap_l7_lost_requests_total", ["comm", "reason"])) },
            programs: true,
          }),
          timeseries({
            title: "Bytes by what became of them",
            description: "Parsed; opaque: of no protocol that is known; skipped.",
            unit: "Bps",
            queries: { "{{protocol}} {{kind}}": top(rate("ringtap_l7_bytes_total", ["protocol", "kind"])) },
          }),
        ],
      ],
    },
  ],
});

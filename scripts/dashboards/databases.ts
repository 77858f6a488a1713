/** Operations of databases, at both ends. */
import { dashboard } from "./dashboard.js";
import { chosenPrograms, queries } from "./promql.js";
import { requestPanels } from "./requests.js";
import { agentVariables, programVariable } from "./variables.js";

const asked = "db_client_operation_duration_seconds";
const answered = "ringtap_db_server_operation_duration_seconds";

const chosen = queries(chosenPrograms);
const by = ["db_system_name", "db_operation_name"];
const sent = requestPanels(chosen, { histogram: asked, name: "operations sent", by });
const received = requestPanels(chosen, { histogram: answered, name: "operations received", by });

export const databases = dashboard({
  uid: "ringtap-databases",
  title: "ringtap: Databases",
  description: "Operations of databases, their errors and their durations, at both ends. Signal l7, off by default.",
  variables: [...agentVariables, programVariable(asked, answered, "ringtap_l7_bytes_total")],
  rows: [
    { title: "Now", lines: [sent.inAll, received.inAll] },
    { title: "What programs ask databases", lines: sent.lines },
    { title: "What databases are asked", lines: received.lines },
  ],
});

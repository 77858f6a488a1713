/** The variables that dashboards share. */
import type { VariableModel } from "@grafana/schema";

import { labelVariable } from "./dashboard.js";
import { chosenAgents } from "./promql.js";

/** Which agents. */
export const agentVariables: readonly VariableModel[] = [
  labelVariable("job", "ringtap_build_info"),
  labelVariable("instance", 'ringtap_build_info{job=~"$job"}'),
];

/** The series that any of these metrics has on the chosen agents. */
export function anyOf(metrics: readonly string[], more = ""): string {
  return `{__name__=~"${metrics.join("|")}",${chosenAgents}${more}}`;
}

/** Which programs, of those that these metrics know. */
export function programVariable(...metrics: readonly string[]): VariableModel {
  return labelVariable("comm", anyOf(metrics));
}

/** Metrics of a signal that are brought up to date by functions of its own: their errors are the signal's, in the phase collect. */
import type { CatalogScope } from "../metrics/catalog.js";
import type { ValueDefinition } from "../metrics/value-table.js";
import type { MetricScope } from "../sdk/metrics.js";
import type { Guard } from "./guard.js";

/** Names of metrics that ringtap declares about itself and its process, some of them after the signals have started. */
const agentsOwn =
  /^((process|nodejs)_|ringtap_(signal|events|ring|map|scrape|series|identities|config|page|bpf|build|kubernetes|peer)(_|$))/;

/** Throws for the name of a metric that is not a signal's to declare. */
function checkName({ name }: { readonly name: string }): void {
  if (agentsOwn.test(name)) {
    throw new Error(`metric "${name}": names such as this are those of ringtap's metrics about itself`);
  }
}

function guarded(definition: ValueDefinition, guard: Guard): ValueDefinition {
  checkName(definition);
  const { collect, read } = definition;
  let last = 0;
  return {
    ...definition,
    ...(collect && {
      collect: (table) => {
        guard.call("collect", () => collect(table), undefined);
      },
    }),
    ...(read && { read: () => (last = guard.call("collect", read, last)) }),
  };
}

/** What a signal declares its metrics with: a function of its own that throws leaves the numbers as they were. */
export function guardedMetrics(scope: CatalogScope, guard: Guard): MetricScope {
  return {
    counter: (definition) => scope.counter(guarded(definition, guard)),
    gauge: (definition) => scope.gauge(guarded(definition, guard)),
    histogram: (definition) => {
      checkName(definition);
      return scope.histogram(definition);
    },
  };
}

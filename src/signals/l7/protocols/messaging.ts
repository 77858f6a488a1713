/** What protocols of messaging systems have in common: the names of their metrics. */
import type { RequestMetrics } from "./protocol.js";

/** OpenTelemetry has a name for the client's end alone. */
export const messagingMetrics: RequestMetrics = {
  client: {
    name: "messaging_client_operation_duration_seconds",
    help: "Duration of operations of messaging clients, until their response has been received, or they have been carried as a whole.",
  },
  server: {
    name: "ringtap_messaging_server_operation_duration_seconds",
    help: "Duration of operations of a messaging broker's clients, until their response has been sent, or they have been carried as a whole.",
  },
  active: {
    label: "messaging_system",
    client: {
      name: "ringtap_messaging_client_active_operations",
      help: "Operations sent to a messaging broker whose response has not been received yet.",
    },
    server: {
      name: "ringtap_messaging_server_active_operations",
      help: "Operations that a messaging broker has received and not answered yet.",
    },
  },
  labels: ["messaging_system", "messaging_operation_name", "error_type"],
};

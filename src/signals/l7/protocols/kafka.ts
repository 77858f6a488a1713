/** Kafka: the names of its requests, where their responses have a code, and the names of these codes. */
import { messagingMetrics } from "./messaging.js";
import type { Protocol } from "./protocol.js";
import { statusOk, statusOther } from "./words.js";

/**
 * By key from 0 on, as in Kafka 4.0 (clients/src/main/resources/common/message/): the name; the newest version; and of those whose
 * responses have a code for all of them: the version from which on responses have tagged fields (`-`: none do), that from which on there
 * is a code, that from which on a time is in front of it, and that from which on there is none any more.
 */
const apis = `
produce 11; fetch 17 12 7 7; list_offsets 10; metadata 12; leader_and_isr 7 4 0; stop_replica 4 2 0; update_metadata 8 6 0;
controlled_shutdown 3 3 0; offset_commit 9; offset_fetch 9; find_coordinator 6 3 0 1 4; join_group 9 6 0 2; heartbeat 4 4 0 1;
leave_group 5 4 0 1; sync_group 5 4 0 1; describe_groups 5; list_groups 5 3 0 1; sasl_handshake 1 - 0; api_versions 4 - 0;
create_topics 7; delete_topics 6; delete_records 2; init_producer_id 5 2 0 0; offset_for_leader_epoch 4;
add_partitions_to_txn 5 3 4 4; add_offsets_to_txn 4 3 0 0; end_txn 5 3 0 0; write_txn_markers 1; txn_offset_commit 4;
describe_acls 3 2 0 0; create_acls 3; delete_acls 3; describe_configs 4; alter_configs 2; alter_replica_log_dirs 2;
describe_log_dirs 4 2 3 3; sasl_authenticate 2 2 0; create_partitions 3; create_delegation_token 3 2 0;
renew_delegation_token 2 2 0; expire_delegation_token 2 2 0; describe_delegation_token 3 2 0; delete_groups 2;
elect_leaders 2 2 1 1; incremental_alter_configs 1; alter_partition_reassignments 0 0 0 0;
list_partition_reassignments 0 0 0 0; offset_delete 0 - 0; describe_client_quotas 1 1 0 0; alter_client_quotas 1;
describe_user_scram_credentials 0 0 0 0; alter_user_scram_credentials 0; vote 1 0 0; begin_quorum_epoch 1 1 0;
end_quorum_epoch 1 1 0; describe_quorum 2 0 0; alter_partition 3 0 0 0; update_features 2 0 0 0; envelope 0;
fetch_snapshot 1 0 0 0; describe_cluster 1 0 0 0; describe_producers 0; broker_registration 4 0 0 0; broker_heartbeat 1 0 0 0;
unregister_broker 0 0 0 0; describe_transactions 0; list_transactions 1 0 0 0; allocate_producer_ids 0 0 0 0;
consumer_group_heartbeat 1 0 0 0; consumer_group_describe 0; controller_registration 0 0 0 0;
get_telemetry_subscriptions 0 0 0 0; push_telemetry 0 0 0 0; assign_replicas_to_dirs 0 0 0 0;
list_client_metrics_resources 0 0 0 0; describe_topic_partitions 0; share_group_heartbeat 0 0 0 0; share_group_describe 0;
share_fetch 0 0 0 0; share_acknowledge 0 0 0 0; add_raft_voter 0 0 0 0; remove_raft_voter 0 0 0 0; update_raft_voter 0 0 0 0;
initialize_share_group_state 0; read_share_group_state 0; write_share_group_state 0; delete_share_group_state 0;
read_share_group_state_summary 0
`;

/** By code, from -1 on (org.apache.kafka.common.protocol.Errors). */
const errors = `
UNKNOWN_SERVER_ERROR NONE OFFSET_OUT_OF_RANGE CORRUPT_MESSAGE UNKNOWN_TOPIC_OR_PARTITION INVALID_FETCH_SIZE LEADER_NOT_AVAILABLE
NOT_LEADER_OR_FOLLOWER REQUEST_TIMED_OUT BROKER_NOT_AVAILABLE REPLICA_NOT_AVAILABLE MESSAGE_TOO_LARGE STALE_CONTROLLER_EPOCH
OFFSET_METADATA_TOO_LARGE NETWORK_EXCEPTION COORDINATOR_LOAD_IN_PROGRESS COORDINATOR_NOT_AVAILABLE NOT_COORDINATOR
INVALID_TOPIC_EXCEPTION RECORD_LIST_TOO_LARGE NOT_ENOUGH_REPLICAS NOT_ENOUGH_REPLICAS_AFTER_APPEND INVALID_REQUIRED_ACKS
ILLEGAL_GENERATION INCONSISTENT_GROUP_PROTOCOL INVALID_GROUP_ID UNKNOWN_MEMBER_ID INVALID_SESSION_TIMEOUT REBALANCE_IN_PROGRESS
INVALID_COMMIT_OFFSET_SIZE TOPIC_AUTHORIZATION_FAILED GROUP_AUTHORIZATION_FAILED CLUSTER_AUTHORIZATION_FAILED INVALID_TIMESTAMP
UNSUPPORTED_SASL_MECHANISM ILLEGAL_SASL_STATE UNSUPPORTED_VERSION TOPIC_ALREADY_EXISTS INVALID_PARTITIONS
INVALID_REPLICATION_FACTOR INVALID_REPLICA_ASSIGNMENT INVALID_CONFIG NOT_CONTROLLER INVALID_REQUEST
UNSUPPORTED_FOR_MESSAGE_FORMAT POLICY_VIOLATION OUT_OF_ORDER_SEQUENCE_NUMBER DUPLICATE_SEQUENCE_NUMBER INVALID_PRODUCER_EPOCH
INVALID_TXN_STATE INVALID_PRODUCER_ID_MAPPING INVALID_TRANSACTION_TIMEOUT CONCURRENT_TRANSACTIONS TRANSACTION_COORDINATOR_FENCED
TRANSACTIONAL_ID_AUTHORIZATION_FAILED SECURITY_DISABLED OPERATION_NOT_ATTEMPTED KAFKA_STORAGE_ERROR LOG_DIR_NOT_FOUND
SASL_AUTHENTICATION_FAILED UNKNOWN_PRODUCER_ID REASSIGNMENT_IN_PROGRESS DELEGATION_TOKEN_AUTH_DISABLED
DELEGATION_TOKEN_NOT_FOUND DELEGATION_TOKEN_OWNER_MISMATCH DELEGATION_TOKEN_REQUEST_NOT_ALLOWED
DELEGATION_TOKEN_AUTHORIZATION_FAILED DELEGATION_TOKEN_EXPIRED INVALID_PRINCIPAL_TYPE NON_EMPTY_GROUP GROUP_ID_NOT_FOUND
FETCH_SESSION_ID_NOT_FOUND INVALID_FETCH_SESSION_EPOCH LISTENER_NOT_FOUND TOPIC_DELETION_DISABLED FENCED_LEADER_EPOCH
UNKNOWN_LEADER_EPOCH UNSUPPORTED_COMPRESSION_TYPE STALE_BROKER_EPOCH OFFSET_NOT_AVAILABLE MEMBER_ID_REQUIRED
PREFERRED_LEADER_NOT_AVAILABLE GROUP_MAX_SIZE_REACHED FENCED_INSTANCE_ID ELIGIBLE_LEADERS_NOT_AVAILABLE ELECTION_NOT_NEEDED
NO_REASSIGNMENT_IN_PROGRESS GROUP_SUBSCRIBED_TO_TOPIC INVALID_RECORD UNSTABLE_OFFSET_COMMIT THROTTLING_QUOTA_EXCEEDED
PRODUCER_FENCED RESOURCE_NOT_FOUND DUPLICATE_RESOURCE UNACCEPTABLE_CREDENTIAL INCONSISTENT_VOTER_SET INVALID_UPDATE_VERSION
FEATURE_UPDATE_FAILED PRINCIPAL_DESERIALIZATION_FAILURE SNAPSHOT_NOT_FOUND POSITION_OUT_OF_RANGE UNKNOWN_TOPIC_ID
DUPLICATE_BROKER_REGISTRATION BROKER_ID_NOT_REGISTERED INCONSISTENT_TOPIC_ID INCONSISTENT_CLUSTER_ID TRANSACTIONAL_ID_NOT_FOUND
FETCH_SESSION_TOPIC_ID_ERROR INELIGIBLE_REPLICA NEW_LEADER_ELECTED OFFSET_MOVED_TO_TIERED_STORAGE FENCED_MEMBER_EPOCH
UNRELEASED_INSTANCE_ID UNSUPPORTED_ASSIGNOR STALE_MEMBER_EPOCH MISMATCHED_ENDPOINT_TYPE UNSUPPORTED_ENDPOINT_TYPE
UNKNOWN_CONTROLLER_ID UNKNOWN_SUBSCRIPTION_ID TELEMETRY_TOO_LARGE INVALID_REGISTRATION TRANSACTION_ABORTABLE
INVALID_RECORD_STATE SHARE_SESSION_NOT_FOUND INVALID_SHARE_SESSION_EPOCH FENCED_STATE_EPOCH INVALID_VOTER_KEY DUPLICATE_VOTER
VOTER_NOT_FOUND INVALID_REGULAR_EXPRESSION
`
  .trim()
  .split(/\s+/);

/** struct kafka_api of bpf/l7/protocols/kafka_state.h: its size, and how many there are. */
const apiSize = 8;
const mostApis = 128;

/** In place of a version that there is not. */
const never = 255;

/** In place of an operation, or of a code, that is not known. */
const other = "_OTHER";

const names: string[] = [];
const table = new Uint8Array(apiSize * mostApis);
for (const [key, row] of apis.split(";").entries()) {
  const [name = "", newest, ...versions] = row.trim().split(" ");
  names.push(name);
  const [flexible, code, throttled, end] = versions.map((version) => (version === "-" ? never : Number(version)));
  table.set([Number(newest) + 1, flexible ?? never, code ?? never, throttled ?? never, end ?? never], key * apiSize);
}

/** A code of 0 is no failure; -1 is the lowest. kafka_status() there. */
const noCode = statusOther + 2;
const lastError = errors.length - 2;

/** An operation is a key and 1. */
const operation = (number: number): string => names[number - 1] ?? other;

const code = (status: number): string | undefined =>
  status <= statusOk ? undefined : status === statusOther ? other : errors[status - noCode + 1];

export const kafka: Protocol = {
  name: "kafka",
  metrics: messagingMetrics,
  constants: { kafka_apis: table, kafka_last_error: new Uint8Array(Uint32Array.of(lastError).buffer) },
  failingStatus: statusOther,
  operation,
  code,
  values: (number, status, error) => ["kafka", operation(number), error === "" ? (code(status) ?? "") : error],
};

/*
 * A cluster of Kafka brokers that keep what they get in memory: librdkafka's mock cluster, which
 * speaks Kafka's protocol over TCP.
 *
 *   kafka-brokers BROKERS [KEY CODE...]
 *
 * Writes the brokers' addresses on standard output, and ends at the end of standard input. The
 * first requests of this key (rdkafka_mock.h) are answered by these codes.
 */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MOST_CODES 16

int main(int argc, char **argv)
{
	rd_kafka_resp_err_t codes[MOST_CODES];
	rd_kafka_mock_cluster_t *cluster;
	rd_kafka_t *client;
	char error[512], byte;
	int n;

	if (argc < 2)
		return 2;
	client = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), error, sizeof(error));
	if (!client) {
		fprintf(stderr, "%s\n", error);
		return 1;
	}
	cluster = rd_kafka_mock_cluster_new(client, atoi(argv[1]));
	if (!cluster)
		return 1;
	for (n = 3; n < argc && n - 3 < MOST_CODES; n++)
		codes[n - 3] = atoi(argv[n]);
	if (argc > 3)
		rd_kafka_mock_push_request_errors_array(cluster, atoi(argv[2]), n - 3, codes);
	printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(client);
	return 0;
}

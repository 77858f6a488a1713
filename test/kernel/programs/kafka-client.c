/*
 * A client of Kafka by librdkafka:
 *
 *   kafka-client BROKERS produce MESSAGES [PROPERTY=VALUE...]   sends so many; 0: without end
 *   kafka-client BROKERS consume MESSAGES [PROPERTY=VALUE...]   receives so many, in a group
 *
 * When that is done, and statistics have been made since, it writes them on standard output
 * (STATISTICS.md of librdkafka) and ends at once.
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOPIC "topic"

/* Statistics that are made after the work is done: the first ones may be from before. */
#define STATISTICS 3

static int done, made;

static void check(int is_well, const char *what)
{
	if (!is_well) {
		fprintf(stderr, "%s\n", what);
		exit(1);
	}
}

static int take_statistics(rd_kafka_t *client, char *json, size_t length, void *opaque)
{
	if (done && ++made == STATISTICS) {
		fwrite(json, 1, length, stdout);
		fflush(stdout);
		_exit(0);
	}
	return 0;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char error[512];

	check(rd_kafka_conf_set(conf, name, value, error, sizeof(error)) == RD_KAFKA_CONF_OK,
	      error);
}

static void produce(rd_kafka_t *client, int messages)
{
	char message[100];
	int n = 0;

	memset(message, 'x', sizeof(message));
	while (!messages || n < messages) {
		if (rd_kafka_producev(client, RD_KAFKA_V_TOPIC(TOPIC),
				      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
				      RD_KAFKA_V_VALUE(message, sizeof(message)), RD_KAFKA_V_END))
			rd_kafka_poll(client, 10);
		else if (++n % 100 == 0)
			rd_kafka_poll(client, 1);
	}
	check(!rd_kafka_flush(client, 60000), "flush");
}

static void consume(rd_kafka_t *client, int messages)
{
	rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
	int n = 0;

	rd_kafka_topic_partition_list_add(topics, TOPIC, RD_KAFKA_PARTITION_UA);
	rd_kafka_poll_set_consumer(client);
	check(!rd_kafka_subscribe(client, topics), "subscribe");
	while (n < messages) {
		rd_kafka_message_t *message = rd_kafka_consumer_poll(client, 1000);

		if (message && !message->err)
			n++;
		if (message)
			rd_kafka_message_destroy(message);
	}
	check(!rd_kafka_commit(client, NULL, 0), "commit");
}

int main(int argc, char **argv)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	int n, consumes;
	rd_kafka_t *client;
	char error[512];

	if (argc < 4)
		return 2;
	consumes = !strcmp(argv[2], "consume");
	set(conf, "bootstrap.servers", argv[1]);
	set(conf, "statistics.interval.ms", "200");
	if (consumes) {
		set(conf, "group.id", "group");
		set(conf, "auto.offset.reset", "earliest");
		set(conf, "enable.auto.commit", "false");
		/* Nothing more is sent once all has come. */
		set(conf, "fetch.wait.max.ms", "50000");
		set(conf, "session.timeout.ms", "60000");
		set(conf, "heartbeat.interval.ms", "50000");
	}
	for (n = 4; n < argc; n++) {
		char *value = strchr(argv[n], '=');

		check(!!value, "PROPERTY=VALUE");
		*value = 0;
		set(conf, argv[n], value + 1);
	}
	rd_kafka_conf_set_stats_cb(conf, take_statistics);
	client = rd_kafka_new(consumes ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf, error,
			      sizeof(error));
	check(!!client, error);
	if (consumes)
		consume(client, atoi(argv[3]));
	else
		produce(client, atoi(argv[3]));
	done = 1;
	for (;;) {
		if (consumes)
			rd_kafka_consumer_poll(client, 100);
		else
			rd_kafka_poll(client, 100);
	}
}

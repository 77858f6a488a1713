// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The parser of a protocol of bpf/l7/ (PROTOCOL, an enum l7_protocol) in a process, for libFuzzer,
 * or for files that are named on its command line (STANDALONE).
 *
 * An input is a conversation: a byte of which bit 0 says who closes it, then pieces, each of a
 * length (two bytes, the lower one first), of which the highest bit is the sender: 1 for the
 * server; and so many bytes, or as many as there are.
 *
 * Each is played as the client and as the server see it, in one call a piece; and again in several
 * calls a piece and several pieces of memory a call. Where nothing was skipped, the counts must be
 * the same, but for requests with Expect (docs/l7.md); all bytes of a call must be counted, as one
 * kind each; and no step may go on for ever.
 */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* Statements are kept, too (bpf/l7/statement.h). */
#define STATEMENTS_WANTED true

/* Requests of Kafka have a code in each of the places that there are. */
#define KNOWN_KAFKA_APIS                           \
	= { [0] = { .versions = 14, .code = 255 }, \
	    [1 ... 87] = {                         \
		    .versions = 13, .flexible = 6, .code = 1, .throttled = 3, .code_end = 9 } }

#include "../../../bpf/l7/protocols.h"

#define MOST_LINES 256
#define LINE_BYTES 512
#define MOST_ENTRIES 16384

static void fail(const char *what)
{
	fprintf(stderr, "parser: %s\n", what);
	abort();
}

/* A map's lines, in the order of their first use. */
static struct line {
	const void *lines;
	__u64 counts[LINE_BYTES / 8];
} found[MOST_LINES];
static int found_count;

#define VALUE_BYTES 96

/* Of all maps by a key, each of which has keys of 16 bytes. */
static struct {
	const void *map;
	__u8 key[16];
	__u64 value[VALUE_BYTES / 8];
} entries[MOST_ENTRIES];
static int entry_count;

static __u64 now;

void *find_line(void *lines, void *taken, __u32 size, const __u64 *key, __u32 words)
{
	for (int n = 0; n < found_count; n++)
		if (found[n].lines == lines && !memcmp(found[n].counts, key, words * 8))
			return found[n].counts;
	if (found_count == MOST_LINES)
		return NULL;
	memset(&found[found_count], 0, sizeof(found[0]));
	found[found_count].lines = lines;
	memcpy(found[found_count].counts, key, words * 8);
	return found[found_count++].counts;
}

void *find_line_at(void *lines, void *taken, __u32 size, const __u64 *key, __u32 words,
		   __u32 probes, __u32 *index)
{
	*index = 0;
	return find_line(lines, taken, size, key, words);
}

void *line_at(void *lines, void *taken, __u32 index, const __u64 *key, __u32 words)
{
	return find_line(lines, taken, 0, key, words);
}

void count_map_full(void)
{
}

__u64 bpf_ktime_get_ns(void)
{
	return now += 1000;
}

static int find_entry(const void *map, const void *key)
{
	for (int n = 0; n < entry_count; n++)
		if (entries[n].map == map && !memcmp(entries[n].key, key, 16))
			return n;
	return -1;
}

void *bpf_map_lookup_elem(void *map, const void *key)
{
	int n = find_entry(map, key);

	return n < 0 ? NULL : entries[n].value;
}

static size_t value_size(const void *map)
{
	if (map == &questions)
		return sizeof(struct question);
	return map == &streams ? sizeof(struct stream) : sizeof(__u64);
}

long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags)
{
	int n = find_entry(map, key);

	if (n >= 0 ? flags == BPF_NOEXIST : entry_count == MOST_ENTRIES)
		return -1;
	if (n < 0)
		n = entry_count++;
	entries[n].map = map;
	memcpy(entries[n].key, key, 16);
	memcpy(entries[n].value, value, value_size(map));
	return 0;
}

long bpf_map_delete_elem(void *map, const void *key)
{
	int n = find_entry(map, key);

	if (n < 0)
		return -1;
	entries[n] = entries[--entry_count];
	return 0;
}

long for_each_entry(void *map, long (*call)(void *, const void *, void *, void *), void *context)
{
	for (int n = 0, before; n < entry_count; n += entry_count == before) {
		before = entry_count;
		if (entries[n].map == map && call(map, entries[n].key, entries[n].value, context))
			break;
	}
	return 0;
}

/* The memory lies in blocks of their own, so that AddressSanitizer finds what is read beyond. */
long bpf_probe_read_user(void *to, __u32 size, const void *from)
{
	memcpy(to, from, size);
	return 0;
}

/* Bytes of the call that is played. */
static __u64 call_bytes;

long bpf_loop_of(__u32 most, long (*step)(__u32, void *), void *context)
{
	for (__u32 n = 0; n < most; n++) {
		if (step(n, context))
			return n;
		/* Each byte may end a step or two, and each request that waits takes one. */
		if (n > 4 * call_bytes + 64 + MOST_WAITING)
			fail("a step that goes on for ever");
	}
	return most;
}

struct piece {
	const __u8 *bytes;
	__u32 length;
	bool is_servers;
};

#define MOST_PIECES 256

/* Counts of a run: of requests by their numbers, of bytes, and of what was lost. */
struct counts {
	struct {
		__u32 number;
		__u64 count;
	} requests[MOST_LINES];
	int length;
	__u64 lost;
	__u64 skipped;
	__u64 opaque[2];
};

static int by_number(const void *left, const void *right)
{
	__u32 a = *(const __u32 *)left, b = *(const __u32 *)right;

	return (a > b) - (a < b);
}

static void collect(struct counts *counts, const __u64 sizes[2])
{
	__u64 bytes[2] = {};

	memset(counts, 0, sizeof(*counts));
	for (int n = 0; n < found_count; n++) {
		const struct request_line *request = (void *)found[n].counts;
		const struct flow_line *flow = (void *)found[n].counts;

		if (found[n].lines == &requests) {
			counts->requests[counts->length].number = request->key.actor.process.pair >>
								  32;
			for (int slot = 0; slot < SLOTS; slot++)
				counts->requests[counts->length].count += request->slots[slot];
			counts->length++;
			continue;
		}
		for (int kind = 0; kind < BYTES_KINDS; kind++) {
			bytes[RECEIVED] += flow->received[kind];
			bytes[SENT] += flow->sent[kind];
			if (kind >= BYTES_SKIPPED)
				counts->skipped += flow->received[kind] + flow->sent[kind];
		}
		counts->opaque[RECEIVED] += flow->received[BYTES_OPAQUE];
		counts->opaque[SENT] += flow->sent[BYTES_OPAQUE];
		for (int reason = 0; reason < LOST_KINDS; reason++)
			counts->lost += flow->lost[reason];
	}
	if (bytes[RECEIVED] != sizes[RECEIVED] || bytes[SENT] != sizes[SENT])
		fail("bytes that are not counted, or counted twice");
	qsort(counts->requests, counts->length, sizeof(counts->requests[0]), by_number);
}

static __u32 random_state;

static __u32 random_below(__u32 limit)
{
	random_state = random_state * 1664525 + 1013904223;
	return limit ? (random_state >> 8) % limit : 0;
}

/* What l7.bpf.c does with the bytes of a call. */
static void take(struct connection *c, struct scratch *scratch, __u64 address, __u32 bytes,
		 __u32 direction)
{
	switch (c->directions[direction].mode) {
	case MODE_SYNC:
		scratch->skipped += bytes;
		scratch->skipped_for = c->sync_reason;
		break;
	case MODE_OPAQUE:
		scratch->opaque += bytes;
		break;
	default:
		step_over_bytes(c, scratch, address, bytes, direction | REASON_UNREADABLE << 1);
	}
}

/* One call, its memory in one piece or in up to four. */
static void play_call(struct connection *c, __u32 direction, const __u8 *bytes, __u32 length,
		      bool is_split)
{
	static struct scratch scratches_of[2];
	struct scratch *scratch = &scratches_of[direction];
	__u32 pieces = is_split ? 1 + random_below(4) : 1, done = 0;

	scratch->opaque = 0;
	scratch->skipped = 0;
	scratch->skipped_for = 0;
	call_bytes = length;
	for (__u32 n = 1; n <= pieces; n++) {
		__u32 size = n == pieces ? length - done : random_below(length - done + 1);
		__u8 *memory = malloc(size ? size : 1);

		memcpy(memory, bytes + done, size);
		if (size)
			take(c, scratch, (__u64)memory, size, direction);
		free(memory);
		done += size;
	}
	if (scratch->opaque + scratch->skipped > length)
		fail("more bytes than there were");
	count_bytes(c, direction, BYTES_OPAQUE, scratch->opaque);
	count_bytes(c, direction, BYTES_SKIPPED + scratch->skipped_for, scratch->skipped);
	count_bytes(c, direction, BYTES_PARSED, length - scratch->opaque - scratch->skipped);
}

enum cuts {
	WHOLE,
	EACH_BYTE,
	AT_RANDOM,
};

static void play(struct counts *counts, const struct piece *pieces, int count, enum l7_role role,
		 bool server_closes, enum cuts cuts)
{
	struct connection c = { .id = 1, .protocol = PROTOCOL, .role = role };
	__u64 sizes[2] = {};

	found_count = 0;
	entry_count = 0;
	now = 1000000;
	c.owner.process = process_key(1, 1, 0);
	c.directions[RECEIVED].mode = MODE_PROTOCOL;
	c.directions[SENT].mode = MODE_PROTOCOL;
	for (int n = 0; n < count; n++) {
		__u32 direction = pieces[n].is_servers == (role == ROLE_SERVER) ? SENT : RECEIVED;
		__u32 done = 0, length;

		for (; done < pieces[n].length; done += length) {
			length = pieces[n].length - done;
			if (cuts == EACH_BYTE)
				length = 1;
			else if (cuts == AT_RANDOM)
				length = 1 + random_below(random_below(2) ? length : 24);
			if (length > pieces[n].length - done)
				length = pieces[n].length - done;
			play_call(&c, direction, pieces[n].bytes + done, length, cuts == AT_RANDOM);
		}
		sizes[direction] += pieces[n].length;
	}
	call_bytes = 0;
	end_direction(&c, server_closes == (role == ROLE_SERVER) ? SENT : RECEIVED, now);
	end_direction(&c, RECEIVED, now);
	end_direction(&c, SENT, now);
	finish_waiting(&c, ERROR_CLOSED, now);
	for (int n = 0; n < entry_count; n++)
		if (entries[n].map == &streams)
			fail("a stream that is open when its connection has ended");
	collect(counts, sizes);
}

static bool is_same(const struct counts *one, const struct counts *other)
{
	return one->length == other->length &&
	       (!one->length || !memcmp(one->opaque, other->opaque, 16)) &&
	       !memcmp(one->requests, other->requests, one->length * sizeof(one->requests[0]));
}

static void print_counts(const char *what, const struct counts *counts)
{
	fprintf(stderr, "%s: skipped %llu, lost %llu, opaque %llu %llu\n", what, counts->skipped,
		counts->lost, counts->opaque[0], counts->opaque[1]);
	for (int n = 0; n < counts->length; n++)
		fprintf(stderr, "  operation %u, status %u, error %u: %llu\n",
			counts->requests[n].number >> OPERATION_SHIFT & 1023,
			counts->requests[n].number & 1023,
			counts->requests[n].number >> ERROR_SHIFT & 7, counts->requests[n].count);
}

/* Only HTTP has it. */
static bool has_expect(const __u8 *input, size_t size)
{
	for (size_t at = 0; at + 7 <= size; at++)
		if (!strncasecmp((const char *)input + at, "expect:", 7))
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const __u8 *input, size_t size);

int LLVMFuzzerTestOneInput(const __u8 *input, size_t size)
{
	static struct piece pieces[MOST_PIECES];
	static struct counts whole, cut;
	bool server_closes = size && input[0] & 1, expects = has_expect(input, size);
	size_t at = 1;
	int count = 0;

	random_state = size;
	paths_wanted = true;
	while (at + 2 < size && count < MOST_PIECES) {
		__u32 word = input[at] | input[at + 1] << 8, length = word & 0x7fff;

		at += 2;
		if (length > size - at)
			length = size - at;
		pieces[count++] = (struct piece){ input + at, length, word >> 15 };
		at += length;
	}
	for (int role = ROLE_CLIENT; role <= ROLE_SERVER; role++) {
		play(&whole, pieces, count, role, server_closes, WHOLE);
		for (int cuts = EACH_BYTE; cuts <= AT_RANDOM + 2; cuts++) {
			play(&cut, pieces, count, role, server_closes,
			     cuts > AT_RANDOM ? AT_RANDOM : cuts);
			/* Where a call begins matters only once something has been skipped. */
			if (whole.skipped || whole.lost || cut.skipped || cut.lost || expects ||
			    is_same(&whole, &cut))
				continue;
			print_counts("in one call a piece", &whole);
			print_counts("in more calls", &cut);
			fail("counts that depend on where the bytes are cut");
		}
	}
	return 0;
}

#ifdef STANDALONE
/* Twice as many responses as there are slots come before their requests. */
static void check_early_responses(void)
{
	struct connection c = { .id = 1, .protocol = PROTOCOL };
	__u32 slots = most_in_slots(&c);
	__u64 word;

	for (__u32 n = 0; n < 2 * slots; n++)
		if (push_response(&c, 0, n + 1, 0))
			fail("a request that there has not been");
	for (__u32 n = 0; n < 2 * slots; n++) {
		word = push_request(&c, request_word(0, 0, 0));
		if (n < slots ? operation_of(word) != n + 1 : word != WORD_LOST)
			fail("a response that is taken for another request's");
	}
	if (push_request(&c, request_word(0, 7, 0)) || operation_of(pop_request(&c)) != 7)
		fail("a request that does not wait for its response");
}

/* So many of the requests that wait are answered at once, all of them of this operation. */
static void answer(struct connection *c, __u32 most, __u32 requests, __u32 operation)
{
	__u64 next = next_request(c), word = pop_requests(c, most);

	if (requests_of(c, word) != requests || operation_of(word) != operation)
		fail("a run of which others are answered than those that come first");
	if (requests_of(c, next) != 1 || operation_of(next) != operation || trait_of(next))
		fail("a next request that is not one of its run");
}

/* Runs, of which some wait beyond the slots, are answered in other parts than they came in. */
static void check_runs(void)
{
	struct connection c = { .id = 1, .protocol = PROTOCOL };

	if (PROTOCOL != PROTOCOL_REDIS)
		return;
	for (__u32 n = 1; n <= 4; n++)
		if (push_request(&c, run_word(request_word(0, n, 0), 8 * n)))
			fail("a response that there has not been");
	push_request(&c, request_word(0, 5, 7));
	if (waiting_requests(&c) != 81)
		fail("a run of which not all wait");
	answer(&c, 3, 3, 1);
	answer(&c, 64, 5, 1);
	answer(&c, 16, 16, 2);
	for (__u32 n = 0; n < 24; n++)
		answer(&c, 1, 1, 3);
	push_request(&c, run_word(request_word(0, 6, 0), LONGEST_RUN));
	answer(&c, 31, 31, 4);
	answer(&c, 31, 1, 4);
	if (trait_of(pop_request(&c)) != 7)
		fail("a request that has lost its trait");
	answer(&c, LONGEST_RUN, LONGEST_RUN, 6);
	if (pop_request(&c) || waiting_requests(&c))
		fail("requests that have been answered and wait");
	for (__u32 n = 0; n < SLOTS_IN_CONNECTION; n++)
		if (c.slots[n])
			fail("a slot that is still taken");
	if (entry_count)
		fail("a request that is still kept beyond the slots");
}

/* Responses come while the call that sends their requests adds these as a run. */
static void check_early_responses_to_run(void)
{
	struct connection c = { .id = 1, .protocol = PROTOCOL };
	__u64 run = run_word(request_word(0, 9, 0), 5);

	if (PROTOCOL != PROTOCOL_REDIS)
		return;
	/* One has come before: the run is added without its first request. */
	push_response(&c, 0, 2, 0);
	c.responses = 0;
	if (operation_of(push_request(&c, run)) != 2 || c.requests != 1)
		fail("a run that takes the place of an earlier response");
	c.responses = 1;
	if (push_request(&c, run))
		fail("a response that there has not been");
	/* The word is in its slot, and the number of requests does not tell yet. */
	c.requests = 1;
	for (__u32 n = 0; n < 3; n++)
		if (push_response(&c, 0, 2, 0) != word_in_run(run))
			fail("an early response that does not find its request in a run");
	c.requests = 6;
	answer(&c, 8, 2, 9);
	if (waiting_requests(&c))
		fail("requests that have been answered and wait");
}

/* What is kept in the place of slots stays while all others are taken. */
static void check_path_beside_slots(void)
{
	struct connection c = { .id = 1, .protocol = PROTOCOL };
	const __u64 path[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };
	bool is_dns = PROTOCOL == PROTOCOL_DNS;

	if (PROTOCOL != PROTOCOL_HTTP && !is_dns)
		return;
	memcpy(c.path, path, sizeof(path));
	c.path_time = 11;
	c.path_length = 12;
	for (__u32 n = 0; n < SLOTS_IN_CONNECTION; n++)
		is_dns ? dns_wait_on_connection(&c, ~0ull, ~0ull) : push_request(&c, ~0ull);
	if (memcmp(c.path, path, sizeof(path)) || c.path_time != 11 || c.path_length != 12)
		fail("a path that is overwritten by requests that wait");
	if (!is_dns && (c.counted_route || c.path_hash || c.counted_path))
		fail("a route that is overwritten by requests that wait");
	if (c.counted_line || c.flow_line)
		fail("a line that is overwritten by requests that wait");
	memset(c.path, 0, sizeof(c.path));
	if (!is_dns)
		begin_path(&c, 0, 0, 0);
	for (__u32 n = 0; n < (is_dns ? QUESTIONS_IN_CONNECTION : most_in_slots(&c)); n++)
		if ((is_dns ? *question_slot(&c, n) : *slot_of(&c, n)) != ~0ull)
			fail("a request that waits, overwritten by a path");
}

int main(int argc, char **argv)
{
	static __u8 input[8 << 20];

	check_early_responses();
	check_runs();
	check_early_responses_to_run();
	check_path_beside_slots();
	for (int n = 1; n < argc; n++) {
		FILE *file = fopen(argv[n], "rb");

		if (!file)
			return 1;
		printf("%s\n", argv[n]);
		LLVMFuzzerTestOneInput(input, fread(input, 1, sizeof(input), file));
		fclose(file);
	}
	return 0;
}
#endif

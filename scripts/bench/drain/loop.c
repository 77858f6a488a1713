// SPDX-License-Identifier: Apache-2.0
/*
 * The least that draining a BPF ring buffer can cost: walks the mapping, reads two words of each
 * record and gives its room back at once.
 *
 *   loop PINNED-MAP    for each number of records read from stdin, drains so many and prints
 *                      the CPU time, ns
 */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct ring {
	uint64_t *consumer;
	const uint64_t *producer;
	const char *data;
	uint64_t mask;
};

static uint64_t cpu_ns(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return used.tv_sec * 1000000000ull + used.tv_nsec;
}

static void fail(const char *doing)
{
	perror(doing);
	exit(1);
}

static void map_ring(struct ring *ring, const char *path)
{
	struct bpf_map_info info = {};
	__u32 length = sizeof(info);
	size_t page = sysconf(_SC_PAGESIZE);
	int fd = bpf_obj_get(path);
	char *kernels;

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &length))
		fail(path);
	ring->mask = info.max_entries - 1;
	ring->consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	kernels = mmap(NULL, page + 2 * (size_t)info.max_entries, PROT_READ, MAP_SHARED, fd, page);
	if (ring->consumer == MAP_FAILED || kernels == MAP_FAILED)
		fail("mmap");
	ring->producer = (const uint64_t *)kernels;
	ring->data = kernels + page;
}

/* Returns the sum of the records' durations, so that reading them cannot be left out. */
static uint64_t drain(const struct ring *ring, uint64_t records)
{
	uint64_t position = *ring->consumer, sum = 0;

	while (records > 0 && position < __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE)) {
		const char *record = ring->data + (position & ring->mask);
		uint32_t header = __atomic_load_n((const uint32_t *)record, __ATOMIC_ACQUIRE);
		const uint64_t *words = (const uint64_t *)(record + BPF_RINGBUF_HDR_SZ);

		if (header & BPF_RINGBUF_BUSY_BIT)
			continue;
		if (!(header & BPF_RINGBUF_DISCARD_BIT)) {
			sum += words[1];
			records--;
		}
		position += (BPF_RINGBUF_HDR_SZ + (header & ~BPF_RINGBUF_DISCARD_BIT) + 7) & ~7u;
		__atomic_store_n(ring->consumer, position, __ATOMIC_RELEASE);
	}
	return records > 0 ? 0 : sum;
}

int main(int argc, char **argv)
{
	struct ring ring;
	unsigned long records;

	if (argc != 2) {
		fprintf(stderr, "usage: loop PINNED-MAP\n");
		return 2;
	}
	map_ring(&ring, argv[1]);
	while (scanf("%lu", &records) == 1) {
		uint64_t start = cpu_ns();

		if (drain(&ring, records) == 0) {
			fprintf(stderr, "loop: fewer than %lu records in the ring\n", records);
			return 1;
		}
		printf("%llu\n", (unsigned long long)(cpu_ns() - start));
		fflush(stdout);
	}
	return 0;
}

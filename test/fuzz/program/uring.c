/* connect(2) by io_uring. */
#include <errno.h>
#include <linux/io_uring.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fuzz.h"

static void *map(int ring, size_t size, off_t offset)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, offset);

	if (at == MAP_FAILED)
		fail("io_uring");
	return at;
}

/* One request of a ring of its own, given up after 10 ms by a linked time-out: ECANCELED. */
int connect_by_uring(int fd, const void *to, size_t to_size)
{
	struct __kernel_timespec limit = { .tv_nsec = 10000000 };
	struct io_uring_params params = { 0 };
	int ring = (int)syscall(SYS_io_uring_setup, 4, &params), result = 0;

	if (ring < 0)
		fail("io_uring_setup");
	size_t sq_size = params.sq_off.array + params.sq_entries * sizeof(uint32_t);
	size_t cq_size = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
	size_t sqes_size = params.sq_entries * sizeof(struct io_uring_sqe);
	char *sq = map(ring, sq_size, IORING_OFF_SQ_RING);
	char *cq = map(ring, cq_size, IORING_OFF_CQ_RING);
	struct io_uring_sqe *sqes = map(ring, sqes_size, IORING_OFF_SQES);
	uint32_t *array = (void *)(sq + params.sq_off.array);
	struct io_uring_cqe *cqes = (void *)(cq + params.cq_off.cqes);

	sqes[0] = (struct io_uring_sqe){ .opcode = IORING_OP_CONNECT,
					 .flags = IOSQE_IO_LINK,
					 .fd = fd,
					 .addr = (uintptr_t)to,
					 .off = to_size,
					 .user_data = 1 };
	sqes[1] = (struct io_uring_sqe){
		.opcode = IORING_OP_LINK_TIMEOUT, .fd = -1, .addr = (uintptr_t)&limit, .len = 1
	};
	array[0] = 0;
	array[1] = 1;
	__atomic_store_n((uint32_t *)(sq + params.sq_off.tail), 2, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 2, 2, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		fail("io_uring_enter");
	for (int i = 0; i < 2; i++)
		if (cqes[i].user_data == 1)
			result = cqes[i].res;
	munmap(sq, sq_size);
	munmap(cq, cq_size);
	munmap(sqes, sqes_size);
	close(ring);
	errno = -result;
	return result < 0 ? -1 : 0;
}

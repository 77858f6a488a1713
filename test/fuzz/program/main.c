/*
 * The conductor: gives each worker its operations in turn, waits for the ends of processes, and
 * writes the log.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

/* For an operation to end, seconds: calls that block give up earlier. */
#define PATIENCE 10

struct shared *shared;
int sockets[SOCKETS];

bool is_word(const char *word, const char *other)
{
	return !strcmp(word, other);
}

long number(const char *word)
{
	return strtol(word, NULL, 10);
}

void fail(const char *what)
{
	fprintf(stderr, "fuzz: %s: %s\n", what, strerror(errno));
	_exit(2);
}

struct entry *log_call(int worker, const char *what, long ret)
{
	int error = ret < 0 ? errno : 0;
	uint32_t at = atomic_fetch_add(&shared->entries_count, 1);
	struct entry *entry = &shared->entries[at % ENTRIES];
	struct worker *by = &shared->workers[worker];
	struct process *process = &shared->processes[by->process];

	entry->op = by->op + 1;
	entry->pid = process->pid;
	strcpy(entry->comm, process->comm);
	snprintf(entry->what, WORD, "%s", what);
	entry->ret = ret;
	entry->error = error;
	return entry;
}

void log_socket(const char *what, uint64_t cookie, uint64_t number)
{
	uint32_t at = atomic_fetch_add(&shared->entries_count, 1);
	struct entry *entry = &shared->entries[at % ENTRIES];

	strcpy(entry->comm, "-");
	strcpy(entry->what, what);
	entry->a = cookie;
	entry->b = number;
}

static void wait_while(_Atomic uint32_t *word, uint32_t value, const struct timespec *time)
{
	syscall(SYS_futex, word, FUTEX_WAIT, value, time, NULL, 0);
}

static void wake(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void serve(int worker)
{
	struct worker *me = &shared->workers[worker];

	me->tid = (int)syscall(SYS_gettid);
	for (;;) {
		uint32_t done = me->done;

		while (me->command == done)
			wait_while(&me->command, done, NULL);
		if (me->op < 0)
			_exit(0);
		const struct op *op = &shared->ops[me->op];

		if (!do_socket_op(worker, op) && !do_process_op(worker, op) &&
		    !do_file_op(worker, op) && !do_syscall_op(worker, op)) {
			fprintf(stderr, "fuzz: line %d: unknown operation '%s'\n", me->op + 1,
				op->name);
			_exit(2);
		}
		me->done = done + 1;
		wake(&me->done);
	}
}

static void read_ops(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[256];

	if (!file)
		fail(path);
	while (fgets(line, sizeof(line), file)) {
		struct op *op = &shared->ops[shared->ops_count++];
		const char *from = line;

		if (shared->ops_count > OPS) {
			errno = E2BIG;
			fail(path);
		}
		op->is_async = line[0] == '~';
		if (op->is_async)
			from++;
		if (line[0] == '#' ||
		    sscanf(from, "%d %15s %15s %15s %15s %15s", &op->worker, op->name, op->args[0],
			   op->args[1], op->args[2], op->args[3]) < 2)
			op->worker = -1;
		if (op->worker >= WORKERS)
			op->worker = -1;
	}
	fclose(file);
}

/* All its threads have gone: takes its status in. */
static void reap(struct process *process)
{
	struct entry *entry;
	int status = 0;

	if (waitpid(process->pid, &status, 0) != process->pid)
		fail("waitpid");
	process->is_alive = false;
	for (int w = 0; w < WORKERS; w++)
		if (&shared->processes[shared->workers[w].process] == process)
			shared->workers[w].is_alive = false;
	entry = &shared->entries[atomic_fetch_add(&shared->entries_count, 1) % ENTRIES];
	entry->op = 0;
	entry->pid = process->pid;
	strcpy(entry->comm, process->comm);
	strcpy(entry->what, "end");
	entry->ret = status;
}

static bool has_exited(struct process *process)
{
	siginfo_t info = { 0 };

	return !waitid(P_PID, process->pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid;
}

/* Waits until a worker has done what it was given; takes in the end of its process instead. */
static void await(struct worker *worker)
{
	struct timespec step = { .tv_nsec = 2000000 };
	struct process *process = &shared->processes[worker->process];
	time_t until = time(NULL) + PATIENCE;

	while (worker->is_alive && worker->done != worker->command) {
		wait_while(&worker->done, worker->done, &step);
		if (worker->done != worker->command && has_exited(process)) {
			reap(process);
			return;
		}
		if (time(NULL) > until) {
			fprintf(stderr, "fuzz: line %d has not ended within %d s\n", worker->op + 1,
				PATIENCE);
			exit(3);
		}
	}
	/* The last thread of a process ends it, and the kernel may take a moment for that. */
	if (process->is_alive && process->threads == 0)
		reap(process);
}

static void await_all(void)
{
	for (int w = 0; w < WORKERS; w++)
		await(&shared->workers[w]);
}

/* Does the worker sleep? As /proc/PID/stat says, behind the name in brackets. */
static bool is_asleep(const struct worker *worker)
{
	char path[64], text[256];
	FILE *file;
	const char *name_end = NULL;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat",
		 shared->processes[worker->process].pid, worker->tid);
	file = fopen(path, "re");
	if (!file)
		return true;
	if (fgets(text, sizeof(text), file))
		name_end = strrchr(text, ')');
	fclose(file);
	return name_end && name_end[1] == ' ' && name_end[2] == 'S';
}

/* Waits until a worker has done what it was given, or waits for something in its call. */
static void await_call(struct worker *worker)
{
	time_t until = time(NULL) + PATIENCE;

	while (worker->is_alive && worker->done != worker->command &&
	       !(worker->is_in_call && is_asleep(worker)) && time(NULL) <= until)
		usleep(100);
}

static void command(struct worker *worker, int op)
{
	worker->op = op;
	worker->command++;
	wake(&worker->command);
}

/* Operations that the conductor does: what a worker cannot do to itself. */
static bool do_conductor_op(int index, const struct op *op)
{
	struct worker *worker = &shared->workers[op->worker];
	struct process *process = &shared->processes[worker->process];
	char path[512];
	int fd;

	if (is_word(op->name, "kill")) {
		if (worker->is_alive && !kill(process->pid, (int)number(op->args[0])))
			reap(process);
		return true;
	}
	if (is_word(op->name, "scrape")) {
		await_all();
		read_connections(true);
		printf("scrape %u\n", shared->entries_count);
		fflush(stdout);
		getchar();
		return true;
	}
	if (is_word(op->name, "pause")) {
		usleep((useconds_t)number(op->args[0]) * 1000);
		return true;
	}
	if (is_word(op->name, "move")) {
		if (!worker->is_alive)
			return true;
		snprintf(path, sizeof(path), "%s%s/cgroup.procs", getenv("FUZZ_GROUPS"),
			 op->args[0]);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || dprintf(fd, "%d", process->pid) < 0)
			fail(path);
		close(fd);
		worker->op = index;
		strcpy(log_call(op->worker, "move", 0)->word, op->args[0]);
		return true;
	}
	return false;
}

/* Operations that can end a connect, or the process that holds it. */
static bool can_close(const struct op *op)
{
	static const char *names[] = { "close", "shutdown", "unspec",  "leave", "exit",
				       "kill",	"become",   "connect", "uring", "fastopen" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (is_word(op->name, names[i]))
			return true;
	return false;
}

static bool is_busy(void)
{
	for (int w = 0; w < WORKERS; w++)
		if (shared->workers[w].is_alive &&
		    shared->workers[w].done != shared->workers[w].command)
			return true;
	return false;
}

/* Reads them after an operation, while others may be under way. */
static void read_after(const struct op *op)
{
	static bool was_busy;
	bool can_have_closed = was_busy || can_close(op);

	was_busy = is_busy();
	read_connections(can_have_closed);
}

static void run(void)
{
	for (int i = 0; i < shared->ops_count; i++) {
		const struct op *op = &shared->ops[i];
		struct worker *worker = &shared->workers[op->worker];

		if (op->worker < 0)
			continue;
		await(worker);
		/* A call that the end of its process cuts off would not be logged. */
		if (is_word(op->name, "exit") || is_word(op->name, "kill") ||
		    is_word(op->name, "become"))
			await_all();
		if (do_conductor_op(i, op)) {
			read_after(op);
			continue;
		}
		if (!worker->is_alive)
			continue;
		command(worker, i);
		if (op->is_async)
			await_call(worker);
		else
			await(worker);
		read_after(op);
	}
	await_all();
	read_connections(true);
	for (int w = 0; w < WORKERS; w++) {
		struct worker *worker = &shared->workers[w];

		if (!worker->is_alive)
			continue;
		command(worker, -1);
		reap(&shared->processes[worker->process]);
	}
}

static void write_log(void)
{
	uint32_t count = shared->entries_count;

	if (count > ENTRIES) {
		fprintf(stderr, "fuzz: more than %d calls to log\n", ENTRIES);
		exit(2);
	}
	for (uint32_t i = 0; i < count; i++) {
		struct entry *e = &shared->entries[i];

		printf("call %d %d %s %s %ld %d %llu %llu %s\n", e->op, e->pid, e->comm, e->what,
		       e->ret, e->error, (unsigned long long)e->a, (unsigned long long)e->b,
		       e->word[0] ? e->word : "-");
	}
}

static void first_worker(void)
{
	struct process *process = &shared->processes[shared->processes_count++];
	struct worker *worker = &shared->workers[0];

	process->threads = 1;
	process->is_alive = true;
	worker->is_alive = true;
	worker->is_leader = true;
	snprintf(process->comm, WORD, "%sw", shared->prefix);
	strcpy(worker->comm, process->comm);
	process->pid = fork();
	if (process->pid == 0) {
		process->pid = getpid();
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, process->comm);
		serve(0);
	}
}

/* fuzz OPERATIONS PREFIX HELPER FOLDER: names of processes begin with the prefix. */
int main(int argc, char **argv)
{
	char name[WORD];

	if (strcmp(argv[0], "helper") == 0)
		return help(argc, argv);
	if (argc != 5) {
		fprintf(stderr, "usage: fuzz OPERATIONS PREFIX HELPER FOLDER\n");
		return 2;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		fail("mmap");
	snprintf(shared->prefix, sizeof(shared->prefix), "%s", argv[2]);
	snprintf(name, sizeof(name), "%sm", shared->prefix);
	prctl(PR_SET_NAME, name);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal(SIGPIPE, SIG_IGN);
	snprintf(shared->helper, sizeof(shared->helper), "%s", argv[3]);
	snprintf(shared->folder, sizeof(shared->folder), "%s", argv[4]);
	read_ops(argv[1]);
	for (int i = 0; i < SOCKETS; i++)
		sockets[i] = -1;
	for (int w = 0; w < WORKERS; w++)
		if (socketpair(AF_UNIX, SOCK_DGRAM, 0, shared->channels[w]))
			fail("socketpair");
	make_network();
	first_worker();
	run();
	/* Sockets that were passed and not taken end, and what they have to say is counted. */
	for (int w = 0; w < WORKERS; w++) {
		close(shared->channels[w][0]);
		close(shared->channels[w][1]);
	}
	read_connections(true);
	write_log();
	read_capture();
	write_resets();
	write_snmp();
	printf("done %d %s\n", getpid(), name);
	return 0;
}

/* Process operations: forks, threads, execs, names, ends. */
#include <errno.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

int help(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "exit";
	long value = argc > 2 ? number(argv[2]) : 0;

	if (is_word(how, "kill")) {
		kill(getpid(), (int)value);
		pause();
	}
	if (is_word(how, "calls"))
		for (long i = 0; i < value; i++)
			syscall(SYS_getppid);
	return is_word(how, "exit") ? (int)value : 0;
}

/* A child that takes a name of its own, which ends with `name`, and calls getppid. */
static void call_as(const char *name, long count)
{
	char comm[WORD];

	snprintf(comm, WORD, "%s%.3s", shared->prefix, name);
	prctl(PR_SET_NAME, comm);
	for (long i = 0; i < count; i++)
		syscall(SYS_getppid);
	_exit(0);
}

/* Runs the helper in place of this process; returns only when it cannot. */
static void exec_helper(const char *how, const char *value)
{
	char *args[] = { "helper", (char *)how, (char *)value, NULL };
	char *none[] = { NULL };
	const char *path = is_word(how, "missing") ? "/nowhere/at/all" : shared->helper;

	syscall(SYS_execve, path, args, none);
}

/* A place for a new worker; NULL when the one named is taken. */
static struct worker *new_worker(const char *place)
{
	struct worker *worker = &shared->workers[number(place) % WORKERS];

	return worker->is_alive ? NULL : worker;
}

/* fork PLACE: a child of the conductor's, so that it waits for it. */
static void do_fork(int worker, const struct op *op)
{
	struct worker *parent = &shared->workers[worker], *child = new_worker(op->args[0]);
	struct process *process = &shared->processes[shared->processes_count];
	pid_t pid;

	if (!child || shared->processes_count == PROCESSES)
		return;
	child->process = shared->processes_count++;
	child->is_leader = true;
	child->done = child->command;
	memcpy(child->comm, parent->comm, WORD);
	memcpy(process->comm, parent->comm, WORD);
	process->threads = 1;
	process->is_alive = true;
	pid = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve((int)(child - shared->workers));
	}
	if (pid < 0)
		fail("clone");
	process->pid = pid;
	child->is_alive = true;
	log_call(worker, "fork", pid);
}

static void *thread_main(void *place)
{
	serve((int)(intptr_t)place);
}

/* thread PLACE */
static void do_thread(int worker, const struct op *op)
{
	struct worker *parent = &shared->workers[worker], *child = new_worker(op->args[0]);
	pthread_attr_t small;
	pthread_t thread;

	if (!child)
		return;
	child->process = parent->process;
	child->is_leader = false;
	child->done = child->command;
	memcpy(child->comm, parent->comm, WORD);
	child->is_alive = true;
	shared->processes[parent->process].threads++;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 256 * 1024);
	pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &small, thread_main, (void *)(child - shared->workers)))
		fail("pthread_create");
}

/* leave: this thread alone ends. */
static void do_leave(int worker)
{
	struct worker *me = &shared->workers[worker];
	struct process *process = &shared->processes[me->process];

	me->is_alive = false;
	process->threads--;
	/* The conductor waits for the process when this was its last one. */
	syscall(SYS_exit, 7);
}

/* spawn fork|vfork|again HOW VALUE: a child that runs the helper, waited for here. */
static void do_spawn(int worker, const struct op *op)
{
	const char *way = op->args[0], *how = op->args[1], *value = op->args[2];
	struct worker *me = &shared->workers[worker];
	struct entry *entry;
	int status = 0;
	pid_t pid;

	if (is_word(way, "vfork")) {
		pid = vfork();
	} else if (is_word(way, "again")) {
		/* With the pid of an earlier child: kernel/pid.c, alloc_pid(). */
		pid_t wanted = shared->last_child;
		struct clone_args args = {
			.exit_signal = SIGCHLD,
			.set_tid = (uintptr_t)&wanted,
			.set_tid_size = wanted ? 1 : 0,
		};

		pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	} else {
		pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
	}
	if (pid == 0) {
		if (how[0] == 'a')
			call_as(how, number(value));
		exec_helper(how, value);
		_exit(11);
	}
	if (pid < 0)
		return;
	if (waitpid(pid, &status, 0) != pid)
		fail("waitpid");
	shared->last_child = pid;
	entry = log_call(worker, "spawn", pid);
	entry->a = (uint64_t)status;
	entry->b = is_word(how, "calls") || how[0] == 'a' ? (uint64_t)number(value) : 0;
	/* Without an exec, a child has the name of the thread that made it, or its own. */
	strcpy(entry->word, is_word(how, "missing") ? me->comm : "exec");
	if (how[0] == 'a')
		snprintf(entry->word, WORD, "%s%.3s", shared->prefix, how);
}

/* rename NAME: of this thread, and of its process when it is the first. */
static void do_rename(int worker, const struct op *op)
{
	struct worker *me = &shared->workers[worker];

	snprintf(me->comm, WORD, "%s%.3s", shared->prefix, op->args[0]);
	prctl(PR_SET_NAME, me->comm);
	if (me->is_leader)
		memcpy(shared->processes[me->process].comm, me->comm, WORD);
}

/* become HOW VALUE: the whole process runs the helper; it goes on as it was when that cannot be. */
static void do_become(int worker, const struct op *op)
{
	struct process *process = &shared->processes[shared->workers[worker].process];

	if (!is_word(op->args[0], "missing")) {
		log_call(worker, "become", 0)->b =
			is_word(op->args[0], "calls") ? (uint64_t)number(op->args[1]) : 0;
		snprintf(process->comm, WORD, "%sx", shared->prefix);
	}
	exec_helper(op->args[0], op->args[1]);
	if (!is_word(op->args[0], "missing"))
		fail("execve");
}

bool do_process_op(int worker, const struct op *op)
{
	if (is_word(op->name, "fork"))
		do_fork(worker, op);
	else if (is_word(op->name, "thread"))
		do_thread(worker, op);
	else if (is_word(op->name, "leave"))
		do_leave(worker);
	else if (is_word(op->name, "exit"))
		_exit((int)number(op->args[0]));
	else if (is_word(op->name, "spawn"))
		do_spawn(worker, op);
	else if (is_word(op->name, "rename"))
		do_rename(worker, op);
	else if (is_word(op->name, "become"))
		do_become(worker, op);
	else
		return false;
	return true;
}

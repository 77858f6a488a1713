/* File operations: opens in each way, successful and not; others that are no opens. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fuzz.h"

static long open_by(const char *call, const char *path, int flags)
{
	struct open_how how = { .flags = (uint64_t)flags, .mode = flags & O_CREAT ? 0600 : 0 };

	if (is_word(call, "open"))
		return syscall(SYS_open, path, flags, 0600);
	if (is_word(call, "openat"))
		return syscall(SYS_openat, AT_FDCWD, path, flags, 0600);
	if (is_word(call, "creat"))
		return syscall(SYS_creat, path, 0600);
	how.resolve = RESOLVE_NO_MAGICLINKS;
	return syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

/* What is opened, and how; there are `there`, `folder`, and `loop`, a link to itself. */
static const char *target_of(const char *kind, char *path, size_t size, int *flags)
{
	const char *folder = shared->folder;

	*flags = O_RDONLY | O_CLOEXEC;
	if (is_word(kind, "fault"))
		return (const char *)8;
	if (is_word(kind, "there"))
		snprintf(path, size, "%s/there", folder);
	else if (is_word(kind, "missing"))
		snprintf(path, size, "%s/missing", folder);
	else if (is_word(kind, "new"))
		snprintf(path, size, "%s/new", folder);
	else if (is_word(kind, "loop"))
		snprintf(path, size, "%s/loop", folder);
	else if (is_word(kind, "below"))
		snprintf(path, size, "%s/there/below", folder);
	else if (is_word(kind, "folder"))
		snprintf(path, size, "%s/folder", folder);
	else if (is_word(kind, "exists"))
		snprintf(path, size, "%s/there", folder);
	else
		memset(path, 'x', size - 1); /* too long */
	if (is_word(kind, "new"))
		*flags |= O_CREAT | O_WRONLY;
	if (is_word(kind, "folder"))
		*flags |= O_WRONLY;
	if (is_word(kind, "exists"))
		*flags |= O_CREAT | O_EXCL;
	return path;
}

/* open CALL KIND COUNT */
static void do_open(int worker, const struct op *op)
{
	char path[5000] = "";
	int flags;
	const char *target = target_of(op->args[1], path, sizeof(path), &flags);

	for (long i = 0; i < number(op->args[2]); i++) {
		long fd = open_by(op->args[0], target, flags);

		log_call(worker, "open", fd);
		if (fd >= 0)
			close((int)fd);
	}
}

bool do_file_op(int worker, const struct op *op)
{
	char path[512];
	struct stat about;

	if (is_word(op->name, "open")) {
		do_open(worker, op);
		return true;
	}
	snprintf(path, sizeof(path), "%s/new", shared->folder);
	if (is_word(op->name, "unlink")) {
		unlink(path);
		return true;
	}
	if (is_word(op->name, "stat")) {
		stat(path, &about);
		return true;
	}
	return false;
}

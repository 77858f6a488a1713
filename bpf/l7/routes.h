/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Routes that the kernel counts by itself. Which route a path has userspace finds out, from the
 * record of a request (src/signals/l7/routes/). When it has met a path often enough, it leaves the
 * route's number in a map, and from then on requests of this path need no record: they are counted
 * in the line of their route, but for the slowest ones, which are exemplars.
 */
#pragma once

#include "path.h"
#include "request_counts.h"

/* Are requests counted by their routes? Userspace changes it while the program runs. */
volatile bool routes_counted;

/*
 * Paths of which the route is known at once; the same is in src/signals/l7/routes/known-paths.ts.
 */
#define KNOWN_PATHS_MAX 16384

/* The numbers of routes, by path_id(). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, KNOWN_PATHS_MAX);
	__type(key, __u64);
	__type(value, __u64);
} known_paths SEC(".maps");

/*
 * For so long a request is the slowest of its line against faster ones, ns. Each time, a dozen of
 * 100,000 requests are the slowest so far.
 */
#define SLOWEST_NS (5000ull * 1000 * 1000)

/* Is the whole path of the request that ends now known, by its hash? */
static __always_inline bool has_hashed_path(const struct connection *c, __u64 now, __u64 duration)
{
	return routes_counted && c->protocol == PROTOCOL_HTTP && READ_ONCE(c->path_hash) &&
	       READ_ONCE(c->path_time) == path_mark(now, duration);
}

/*
 * A path and what its route depends on besides: the program's name, its control group and role. 0
 * when the request that ends now has no path that is known.
 */
static __always_inline __u64 path_id(const struct connection *c, __u64 now, __u64 duration)
{
	__u64 hash = READ_ONCE(c->path_hash);

	if (!has_hashed_path(c, now, duration))
		return 0;
	hash = mixed(hash, c->owner.comm[0]);
	hash = mixed(hash, c->owner.comm[1]);
	hash = mixed(hash, c->owner.cgroup << 1 | (c->role & 1));
	return hash;
}

/* The number of the route of the request that ends now; NULL when that is not known. */
static __always_inline __u64 *known_route(const struct connection *c, __u64 now, __u64 duration)
{
	__u64 id = path_id(c, now, duration);

	return bpf_map_lookup_elem(&known_paths, &id);
}

/*
 * The line of the route of a request of this number that ends now; NULL when that is not known
 * here. Most requests of a connection are alike: where the last one was counted is known, and its
 * route, which a path keeps.
 */
static __always_inline struct request_line *line_of_known_route(struct connection *c, __u32 number,
								__u64 now, __u64 duration)
{
	__u64 hash = READ_ONCE(c->path_hash), *route;
	struct request_line *line;
	struct request_key key;
	__u32 index;

	if (!has_hashed_path(c, now, duration))
		return NULL;
	if (hash == c->counted_path) {
		line = same_request_line(c->counted_line, &c->owner, number, c->counted_route);
		if (line)
			return line;
	}
	route = known_route(c, now, duration);
	if (!route)
		return NULL;
	set_request_key(&key, &c->owner, number);
	key.route = *route;
	line = find_line_at(&requests, &request_keys, request_lines, &key.actor.process.pair,
			    REQUEST_KEY_WORDS, PROBES, &index);
	/* Read again: to keep it meanwhile takes stack. */
	hash = READ_ONCE(c->path_hash);
	if (line && has_hashed_path(c, now, duration)) {
		c->counted_path = hash;
		c->counted_route = key.route;
		c->counted_line = index;
	}
	return line;
}

/*
 * Is a request the slowest of its line for a while? Such ones have records, which
 * userspace shows as exemplars.
 */
static __always_inline bool shows_exemplar(struct request_line *line, __u64 duration, __u64 now)
{
	bool is_new = now >= line->slowest_until;

	if (!is_new && duration <= line->slowest)
		return false;
	if (is_new)
		line->slowest_until = now + SLOWEST_NS;
	line->slowest = duration;
	return true;
}

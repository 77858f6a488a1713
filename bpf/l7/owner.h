/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who calls on a connection. */
#pragma once

#include "connection.h"

/* The current task's process is the one that called last. */
static __noinline void take_owner(struct connection *c)
{
	current_actor_key(&c->owner, 0);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "userspace.h"

#include <ringtap/line_maps.h>

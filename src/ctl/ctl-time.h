/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Points in time as people write them.
 */
#pragma once

#include <stdint.h>

/**
 * ctl_time_parse() - text to microseconds since 1970
 *
 * "2h", "1d 12h": so long before @now_realtime_usec. "2026-11-20", "2026-11-20 12:56", "2026-11-20 12:56:03", "today",
 * "yesterday": local time. "@1790000000": seconds since 1970. Returns: 0, or -EINVAL.
 */
int ctl_time_parse(const char *text, uint64_t now_realtime_usec, uint64_t *ret_usec);

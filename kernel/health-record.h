/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One 64-byte record of the kernel -> HealthEvents. Pure; fuzzed. Values and bits this version does not
 * know are kept and shown, never dropped.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "src/model/health-event.h"

/* One event for each of 32 bits of a mask, at most; unknown bits share one. */
#define HEALTH_RECORD_EVENTS_MAX 33

/**
 * health_record_decode() - normalise one record
 * @bytes:     64 bytes as read from the monitor
 * @ret_events: where the events go; only id, filesystem_id and received_boottime_usec stay 0
 *
 * A record whose type or domain is unknown, or whose pair of both is not valid, gives one EVENT_UNRECOGNISED.
 * A known type with an empty mask gives one event without structure.
 *
 * Returns: the number of events, at least 1.
 */
size_t health_record_decode(const uint8_t bytes[static HEALTH_RECORD_SIZE],
                            HealthEvent ret_events[static HEALTH_RECORD_EVENTS_MAX]);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How far a verification of the media of a file system is, who asked for it, and how that is kept beyond the life of
 * healerd.
 */
#pragma once

#include "src/filesystem/kept-row.h"
#include "src/model/decision.h"
#include "src/protocol/worker-protocol.h"

/* Of the one that is asked for, or of the last one. All zero: there was none. */
typedef struct VerifyState {
        bool is_wanted;                 /* asked for, and neither done nor taken back */
        bool is_all;                    /* free space as well */
        uint64_t rate_bytes;            /* in a second; 0: no limit */
        uint64_t timeout_usec;          /* of the job; USEC_INFINITY: the usual one */
        DecisionSource source;
        uint32_t caller_uid;            /* with DECISION_CALLER */
        char rule_id[RULE_ID_SIZE];     /* with DECISION_RULE; else "" */
        uint64_t event_id;              /* that it was decided for; 0: none */

        MediaCounts counts;             /* since it began */
        uint64_t began_realtime_usec;
        uint64_t ended_realtime_usec;   /* of the last that came to its end; 0: none has */
        uint64_t clean_realtime_usec;   /* of the last one that also could read everything; 0: none has */
} VerifyState;

/* The first component of the keys; then the UUID. */
#define VERIFY_KEY_PREFIX "verify/"

char *verify_key(const uint8_t uuid[static UUID_SIZE], char buffer[static KEPT_KEY_SIZE]);

/* One line, not terminated. Returns its size. */
size_t verify_value(const VerifyState *state, char buffer[static KEPT_LINE_SIZE]);

/* Pure. Returns: 0; -EPROTONOSUPPORT for a value of another version; -EBADMSG for anything else that verify_key() and
 * verify_value() do not make. */
int verify_read(const char *key, const void *value, size_t size_bytes, uint8_t ret_uuid[static UUID_SIZE],
                VerifyState *ret_state);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The administrator's property on the root directory, at a person's word: read now, or set. The kernel tells nobody
 * when somebody else changes it, so what was read last may be old until it is asked for again.
 */
#pragma once

#include "src/engine/engine.h"

/* Outstanding at once; more are refused. */
#define ENGINE_AUTOFSCK_QUESTIONS_MAX 16
/* How old what was read may be for somebody who only reads: whoever asks all the time costs no more than that. */
#define ENGINE_AUTOFSCK_FRESH_USEC USEC_PER_SEC

typedef struct AutofsckOrder {
        Filesystem *filesystem;
        bool is_set;                    /* false: only read it */
        Autofsck value;                 /* AUTOFSCK_UNSET: remove it */
        const char *reason;             /* for the journal; NULL: none was given */
        uint32_t caller_uid;
} AutofsckOrder;

/* @error: positive errno, or 0 and @value is what stands there now. ESTALE: unmounted; EROFS; EIO, ESHUTDOWN: shut
 * down; ETIMEDOUT; EBUSY: another look hangs; ENOTCONN: the worker went, or the engine goes. */
typedef void (*EngineAutofsckDone)(void *userdata, int error, Autofsck value);

/**
 * engine_autofsck() - read or set it
 * @order: borrowed for the call
 * @done:  called once after 0; may be called before this returns
 *
 * Returns: 0; -EOPNOTSUPP: it is no XFS; -ESHUTDOWN: it is shut down; -EROFS: it is read-only, and is_set;
 * -ENOTCONN; -ENOBUFS; or another negative errno.
 */
int engine_autofsck(Engine *engine, const AutofsckOrder *order, EngineAutofsckDone done, void *userdata);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is to be done for a file system: pure decisions, and their sentences, which are those of xfsprogs' program.
 */
#pragma once

#include "src/model/filesystem-facts.h"
#include "src/model/job-report.h"
#include "src/xfs-healer/healer-options.h"

typedef enum HealerMode {
        HEALER_DISABLED,
        HEALER_REPORTS,
        HEALER_REPAIRS,
} HealerMode;

typedef struct HealerVerdict {
        HealerMode mode;
        const char *sentence;           /* to be said of the mount point; NULL: nothing */
} HealerVerdict;

/* From options and the property. @facts: autofsck, rmapbt, parent pointers. */
HealerVerdict healer_judge(const HealerOptions *options, const FilesystemFacts *facts);

typedef enum HealerEnd {
        HEALER_WELL,                    /* unmounted; or it could be watched */
        HEALER_UNSUPPORTED,             /* nothing is wrong, but it is not watched */
        HEALER_TAKEN,                   /* nor here: somebody else watches it */
        HEALER_FOREIGN,                 /* nor here: it is no XFS, or no mount point of one */
        HEALER_FAILED,
} HealerEnd;

/**
 * healer_exit_status() - what the shell is told
 * @is_asked_by_unit: ExecCondition= of a unit asks: 255 would make that unit fail, where nothing failed
 *
 * Otherwise as xfsprogs' program: 255 with --supported for all but "supported" and "unsupported", 1 without.
 */
int healer_exit_status(HealerTask task, HealerEnd end, bool is_asked_by_unit);

/* What a repair ended with: does somebody have to look at everything? Not for what says nothing of the structure (gone,
 * read-only, shut down, refused), other than in xfsprogs' program. */
bool healer_outcome_wants_scan(Outcome outcome);

/* May it be tried again, and for how long: USEC_INFINITY is never. @n_tries: of it so far, at least 1. */
uint64_t healer_retry_usec(Outcome outcome, unsigned n_tries);

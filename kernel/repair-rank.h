/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * In which order the damaged structures of one file system are repaired: first what others are rebuilt from.
 */
#pragma once

#include "src/model/vocabulary.h"

typedef enum RepairStage {
        REPAIR_STAGE_HEADERS,
        REPAIR_STAGE_REVERSE_MAP,
        REPAIR_STAGE_BTREES,
        REPAIR_STAGE_INODES,
        REPAIR_STAGE_BLOCK_MAPS,
        REPAIR_STAGE_CONTENTS,
        REPAIR_STAGE_TREE,
        REPAIR_STAGE_COUNTS,
} RepairStage;

/* What has no repair comes last. */
RepairStage repair_stage(Structure structure);

/* Its place among all structures, lower is first; structures of an earlier stage are always before those of a later
 * one. */
unsigned repair_rank(Structure structure);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one table that ties a structure to the bit by which the kernel reports it and to the scrub type that
 * checks and rebuilds it. Read by the record decoder, by the repair call and by whoever reads recorded sickness.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "src/model/vocabulary.h"

/* No scrub type: nothing online can repair this by itself. */
#define METADATA_NO_SCRUB_TYPE (-1)

/* How the call says which one of its kind is meant. */
typedef enum MetadataSelector {
        METADATA_SELECTOR_NONE,         /* there is one in a file system */
        METADATA_SELECTOR_GROUP,        /* number of the allocation or real-time group */
        METADATA_SELECTOR_INODE,        /* number and generation */
} MetadataSelector;

typedef struct MetadataStructure {
        Structure structure;
        EventDomain domain;             /* DOMAIN_FS, DOMAIN_AG, DOMAIN_RTGROUP, DOMAIN_INODE */
        MetadataSelector selector;
        uint32_t bit;                   /* in the mask of that domain */
        int scrub_type;                 /* or METADATA_NO_SCRUB_TYPE */
} MetadataStructure;

/* All rows: within a domain in the order of the bits, which is also the order in which upstream repairs. */
const MetadataStructure *metadata_structures(size_t *ret_n);

/* The row of a structure; NULL for STRUCTURE_NONE and STRUCTURE_UNRECOGNISED. */
const MetadataStructure *metadata_structure_find(Structure structure);

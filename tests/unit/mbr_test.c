/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/bytes.h"
#include "engine/apply/mbr.h"

#include <string.h>

static struct mbr_table two_partitions(void)
{
    struct mbr_table table = {.signature = 0x01020304};

    table.partition[0] = (struct mbr_partition){true, true, false, 0x0c, 63, 2048};
    table.partition[1] = (struct mbr_partition){true, false, true, 0x83, 4159, 4096};
    return table;
}

TEST(entries_are_encoded)
{
    struct mbr_table table = two_partitions();
    uint8_t block[MBR_SIZE];
    struct mbr_entry entry;

    mbr_encode(&table, block);
    assert_int_equal(bytes_le32(block + 440), 0x01020304);
    /* boot flag, CHS 0/1/1, type, CHS of block 2110, offset, count */
    assert_memory_equal(block + 446, "\x80\x01\x01\x00\x0c\x21\x20\x00\x3f\0\0\0\0\x08\0\0", 16);
    assert_true(mbr_entry_read(block, 0, &entry));
    assert_true(entry.boot && entry.type == 0x0c && entry.start == 63 && entry.count == 2048);
    assert_true(mbr_entry_read(block, 1, &entry));
    assert_true(!entry.boot && entry.start == 4159);
    block[511] = 0;
    assert_false(mbr_entry_read(block, 1, &entry));
}

TEST(chs_beyond_8_gb_is_fixed)
{
    struct mbr_table table = two_partitions();
    uint8_t block[MBR_SIZE];

    table.partition[0].offset = 63u * 255 * 1023 + 1;
    mbr_encode(&table, block);
    assert_memory_equal(block + 447, "\xfe\xff\xff", 3);
}

TEST(the_last_partition_expands_to_the_device)
{
    struct mbr_table table = two_partitions();

    mbr_expand(&table, 100000);
    assert_int_equal(table.partition[1].count, 100000 - 4159);
    assert_int_equal(table.partition[0].count, 2048);
    table = two_partitions();
    mbr_expand(&table, 0);
    assert_int_equal(table.partition[1].count, 4096);
    mbr_expand(&table, 1ull << 40);
    assert_int_equal(table.partition[1].count, UINT32_MAX);
}

TEST(logical_partitions_make_a_chain)
{
    struct mbr_table table = {0};
    uint8_t ebrs[MBR_EBR_MAX][MBR_SIZE];

    table.partition[3] = (struct mbr_partition){true, false, true, 0x0f, 1000, 1};
    table.partition[4] = (struct mbr_partition){true, false, false, 0x83, 1100, 50};
    table.partition[5] = (struct mbr_partition){true, false, false, 0x83, 1200, 60};
    mbr_expand(&table, 5000);
    assert_int_equal(table.partition[3].count, 4000);
    assert_int_equal(mbr_encode_ebrs(&table, ebrs), 2);
    assert_int_equal(bytes_le32(ebrs[0] + 446 + 8), 100); /* relative to this record */
    assert_int_equal(ebrs[0][446 + 16 + 4], 0x0f);
    assert_int_equal(bytes_le32(ebrs[0] + 446 + 16 + 8),
                     1); /* relative to the extended partition */
    assert_int_equal(bytes_le32(ebrs[1] + 446 + 8), 199);
    assert_int_equal(ebrs[1][446 + 16 + 4], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_encoded),
        cmocka_unit_test(chs_beyond_8_gb_is_fixed),
        cmocka_unit_test(the_last_partition_expands_to_the_device),
        cmocka_unit_test(logical_partitions_make_a_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

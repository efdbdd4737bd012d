#ifndef TISMSCAN_PEAK_H
#define TISMSCAN_PEAK_H

// Float multiply-adds in registers alone: independent chains, no loads, the widest vectors of the machine.
// Returns how many multiply-adds `rounds` rounds made.
long long tismscan_multiply_add_rounds(long long rounds);

#endif

"""hysr_stop: ends every backend that it can see, which is: whose segment has our name here.

It also removes the segments that killed backends have left. Exit code 0 when no backend is left
under our name, also when there was none; 1 when one did not end in time.
"""

import sys

import segment

STOP_WAIT_S = 5.0


def main():
    code = 0
    for kind in ("arm", "ball"):
        name = segment.name_of(kind)
        try:
            stopped = segment.Client(name).stop_owner(STOP_WAIT_S)
        except FileNotFoundError:
            continue
        except segment.SegmentError as error:
            print("hysr_stop: " + str(error), file=sys.stderr)
            stopped = False
        if not stopped:
            print("hysr_stop: the backend of /dev/shm/%s still runs" % name, file=sys.stderr)
            code = 1
    segment.remove_dead()
    return code


if __name__ == "__main__":
    sys.exit(main())

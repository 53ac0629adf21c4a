"""A root directory that becomes an image: what every one has to have."""

import os


class RootDirectory:
    """`path`: where it is made; what does not exist there yet is made."""

    def __init__(self, path):
        self.path = path
        for name in ("dev", "etc", "home", "opt", "proc", "root", "sys", "tmp", "var/tmp"):
            os.makedirs(self.inside("/" + name))
        for name in ("bin", "lib", "lib64", "sbin"):  # so that paths of a merged host are right
            os.makedirs(self.inside("/usr/" + name))
            os.symlink("usr/" + name, self.inside("/" + name))
        self.write("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
        self.write("/etc/group", "root:x:0:\n")
        for name in ("hosts", "localtime", "resolv.conf"):  # Apptainer binds the host's over them
            self.write("/etc/" + name, "")

    def inside(self, path):
        """Where a path of the image is on this machine."""
        return self.path + path

    def write(self, path, text, mode=0o644):
        os.makedirs(os.path.dirname(self.inside(path)), exist_ok=True)
        with open(self.inside(path), "w") as file:
            file.write(text)
        os.chmod(self.inside(path), mode)

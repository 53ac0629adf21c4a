"""What scripts/learner_image.py copies into the image, and when it makes it anew.

That trainings run in it is for scripts/demo --quick --container to show.
"""

import os
import sys
import tempfile
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "scripts"))

import learner_image  # noqa: E402


class LearnerImageTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = os.path.realpath(folder.name)
        self.image = learner_image.Image(self.path("image"))

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def file(self, *parts, text="text"):
        path = self.path(*parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        return path

    def inside(self, *parts):
        return self.image.inside(self.path(*parts))

    def test_a_file_keeps_its_place_and_its_time(self):
        path = self.file("package", "module.py")
        os.utime(path, (1, 1000000000))
        self.image.add(self.path("package"))
        self.assertEqual(os.stat(self.inside("package", "module.py")).st_mtime, 1000000000)

    def test_a_link_stays_one_and_what_it_leads_to_comes_with_it(self):
        real = self.file("lib", "libx.so.1.2")
        data = self.file("share", "data", "table")
        os.makedirs(self.path("package"))
        os.symlink("../lib/libx.so.1.2", self.path("package", "libx.so"))
        os.symlink("../share/data", self.path("package", "data"))
        os.symlink("nowhere", self.path("package", "dangling"))
        self.image.add(self.path("package"))
        self.assertEqual(sorted(os.listdir(self.inside("package"))), ["data", "libx.so"])
        self.assertEqual(os.readlink(self.inside("package", "libx.so")), real)
        self.assertEqual(os.readlink(self.inside("package", "data")), os.path.dirname(data))
        self.assertTrue(os.path.isfile(self.inside("lib", "libx.so.1.2")))
        self.assertTrue(os.path.isfile(self.inside("share", "data", "table")))
        self.assertEqual(sorted(self.image.copied), [real, data])

    def test_the_project_lies_elsewhere_in_the_image(self):
        self.assertEqual(
            self.image.inside(os.path.join(learner_image.ROOT, "hp_optim", "launch")),
            self.path("image") + "/opt/learner/hp_optim/launch",
        )

    def test_tests_of_packages_are_left_out(self):
        self.file("package", "tests", "test_it.py")
        self.file("package", "module.py")
        self.image.add(self.path("package"))
        self.assertEqual(os.listdir(self.inside("package")), ["module.py"])

    def test_it_is_made_anew_when_a_copied_file_changes_or_goes(self):
        path = self.file("module.py")
        stamp = self.path("stamp")
        self.assertFalse(learner_image.is_up_to_date(stamp))
        self.image.add(path)
        self.image.sign(stamp)
        self.assertTrue(learner_image.is_up_to_date(stamp))
        self.file("module.py", text="another text")
        self.assertFalse(learner_image.is_up_to_date(stamp))
        self.image.copied.clear()
        self.image.sign(stamp)
        self.assertTrue(learner_image.is_up_to_date(stamp))
        os.unlink(path)
        self.image.copied[path] = [4, 0]
        self.image.sign(stamp)
        self.assertFalse(learner_image.is_up_to_date(stamp))


if __name__ == "__main__":
    unittest.main()

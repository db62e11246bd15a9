import filecmp, os, pathlib, shutil, tempfile, unittest

import world


class Build(unittest.TestCase):
    def test_zip_is_small_and_reproducible(self):
        """The same sources in another folder make the same bytes, few enough to start fast."""
        world.run("make", "lambda")
        with tempfile.TemporaryDirectory() as other:
            for name in "Makefile", "go.mod", "go.sum":
                shutil.copy(name, other)
            for name in "cmd", "gen", "internal", "openapi":
                shutil.copytree(name, pathlib.Path(other, name))
            world.run("make", "-C", other, "lambda")
            self.assertTrue(filecmp.cmp("bin/lambda.zip", pathlib.Path(other, "bin/lambda.zip"), shallow=False))
        self.assertLessEqual(os.path.getsize("bin/lambda.zip"), 6_000_000)

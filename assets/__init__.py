"""Files that ship with doorlab: meshes (`doorlab.doors`) and weights (`doorlab.models.hub`)."""

"""Models in the layout of model hubs: export, model cards, shipped weights, downloads.

DIR/config.json                  description of the model (`models.description`), with the content
                                 of its card
DIR/model.safetensors            weights of the model
DIR/latent_density.safetensors   density of a latent, if the run has one
DIR/familiarity.safetensors      statistics of the training doors, if the run has them
DIR/README.md                    the model card
"""
